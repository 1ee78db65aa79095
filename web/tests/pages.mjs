/** The pages that every check of "all pages" opens, and the combinations they are opened in. */

/** Addresses below the program's, of a fleet with data. */
export function pagesOf(snapshot) {
  const whole = snapshot.gpu.uuid[0];
  const divided = snapshot.mig.gpu.length > 0 ? snapshot.gpu.uuid[snapshot.mig.gpu[0]] : whole;
  return [
    ['overview', '/'],
    ['overview table', '/?view=table'],
    ['sessions', '/sessions'],
    ['gpu', `/gpus/${whole}?from=now-30m`],
    ['divided gpu', `/gpus/${divided}?from=now-30m`],
    ['explore', '/explore'],
    ['explore graph', '/explore?q=DCGM_FI_DEV_GPU_UTIL&from=now-30m'],
    ['explore table', '/explore?q=DCGM_FI_DEV_GPU_UTIL&tab=table'],
    ['explore json', '/explore?q=sum(DCGM_FI_DEV_POWER_USAGE)&tab=json&from=now-30m'],
    ['no such page', '/nowhere'],
  ];
}

export const LOOKS = [
  { theme: 'dark', language: 'en' },
  { theme: 'dark', language: 'ko' },
  { theme: 'light', language: 'en' },
  { theme: 'light', language: 'ko' },
];

/** `dark en` */
export function lookName({ theme, language }) {
  return `${theme} ${language}`;
}
