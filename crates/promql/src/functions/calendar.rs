//! Civil dates of seconds since the epoch, in UTC.

const DAY: i64 = 86_400;

/// A moment in UTC.
pub(crate) struct Moment {
    days: i64,
    seconds: i64,
    year: i64,
    month: i64,
    day: i64,
}

impl Moment {
    pub(crate) fn of(seconds: f64) -> Self {
        let seconds = seconds as i64;
        let days = seconds.div_euclid(DAY);
        // Eras of 400 years that begin on 1 March, so that the leap day is a year's last.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        Self { days, seconds: seconds.rem_euclid(DAY), year, month, day }
    }

    pub(crate) fn year(&self) -> f64 {
        self.year as f64
    }

    pub(crate) fn month(&self) -> f64 {
        self.month as f64
    }

    pub(crate) fn day_of_month(&self) -> f64 {
        self.day as f64
    }

    pub(crate) fn day_of_week(&self) -> f64 {
        (self.days + 4).rem_euclid(7) as f64
    }

    pub(crate) fn day_of_year(&self) -> f64 {
        let before: i64 = (1..self.month).map(|month| days_in(self.year, month)).sum();
        (before + self.day) as f64
    }

    pub(crate) fn days_in_month(&self) -> f64 {
        days_in(self.year, self.month) as f64
    }

    pub(crate) fn hour(&self) -> f64 {
        (self.seconds / 3600) as f64
    }

    pub(crate) fn minute(&self) -> f64 {
        (self.seconds / 60 % 60) as f64
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
