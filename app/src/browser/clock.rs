//! The browser's clock and time zone.

use crate::model::UnixMillis;

/// The browser's clock. On the server, where only the `Clock` may tell the time, the epoch.
pub fn now() -> UnixMillis {
    #[cfg(feature = "hydrate")]
    {
        UnixMillis(js_sys::Date::now() as i64)
    }
    #[cfg(not(feature = "hydrate"))]
    {
        UnixMillis(0)
    }
}

/// How far the browser's zone is ahead of UTC at the instant, in milliseconds.
pub fn local_offset_ms(at: UnixMillis) -> i64 {
    #[cfg(feature = "hydrate")]
    {
        let minutes_behind = js_sys::Date::new(&(at.0 as f64).into()).get_timezone_offset();
        if minutes_behind.is_finite() { -(minutes_behind as i64) * 60_000 } else { 0 }
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = at;
        0
    }
}
