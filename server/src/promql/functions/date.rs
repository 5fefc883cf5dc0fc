//! Parts of dates, in UTC.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

/// A part of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatePart {
    /// `day_of_month`, from 1
    DayOfMonth,
    /// `day_of_week`, from 0, which is Sunday
    DayOfWeek,
    /// `day_of_year`, from 1
    DayOfYear,
    /// `days_in_month`
    DaysInMonth,
    /// `hour`
    Hour,
    /// `minute`
    Minute,
    /// `month`, from 1
    Month,
    /// `year`
    Year,
}

impl DatePart {
    /// The part that a function of this name answers.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "day_of_month" => Self::DayOfMonth,
            "day_of_week" => Self::DayOfWeek,
            "day_of_year" => Self::DayOfYear,
            "days_in_month" => Self::DaysInMonth,
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// This part of a time in seconds since the Unix epoch; NaN for what is no date.
    pub fn of(self, seconds: f64) -> f64 {
        let date = Some(seconds).filter(|seconds| seconds.is_finite());
        date.and_then(|seconds| DateTime::from_timestamp(seconds as i64, 0)).map_or(f64::NAN, |date| self.of_date(date))
    }

    fn of_date(self, date: DateTime<Utc>) -> f64 {
        match self {
            Self::DayOfMonth => f64::from(date.day()),
            Self::DayOfWeek => f64::from(date.weekday().num_days_from_sunday()),
            Self::DayOfYear => f64::from(date.ordinal()),
            Self::DaysInMonth => {
                let (year, month) =
                    if date.month() == 12 { (date.year() + 1, 1) } else { (date.year(), date.month() + 1) };
                let last = NaiveDate::from_ymd_opt(year, month, 1).and_then(|first| first.pred_opt());
                last.map_or(f64::NAN, |last| f64::from(last.day()))
            }
            Self::Hour => f64::from(date.hour()),
            Self::Minute => f64::from(date.minute()),
            Self::Month => f64::from(date.month()),
            Self::Year => f64::from(date.year()),
        }
    }
}
