/*
 * Runs before the first paint, so that the first frame already has its theme and language.
 * Keys and defaults are those of src/state/preferences.ts.
 */
(function () {
  var root = document.documentElement;
  function kept(key) {
    try {
      return localStorage.getItem('gpulse.' + key);
    } catch (_) {
      return null;
    }
  }
  var theme = kept('theme');
  if (theme !== 'dark' && theme !== 'light') {
    theme = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  }
  var language = kept('language');
  if (language !== 'ko' && language !== 'en') {
    language = /^ko\b/i.test(navigator.language) ? 'ko' : 'en';
  }
  root.dataset.theme = theme;
  root.lang = language;
})();
