//! How this Console is set up, for people to see.

use app::{
    api::{ApiError, SettingsPort},
    model::{RedactedSample, RedactionRules, Setting, SettingSection},
};
use async_trait::async_trait;
use serde_json::{Map, Value};

use super::Services;
use crate::config::Config;

/// Largest sample that is tried, in bytes.
const MAX_SAMPLE: usize = 64 * 1024;

fn sections(config: &Config) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(sections)) => sections,
        _ => Map::new(),
    }
}

#[async_trait]
impl SettingsPort for Services {
    async fn settings(&self) -> Vec<SettingSection> {
        let defaults = sections(&Config::default());
        let section = |(name, values): (String, Value)| {
            let Value::Object(values) = values else { return None };
            let setting = |(key, value): (String, Value)| {
                let default = defaults.get(&name).and_then(|section| section.get(&key)).unwrap_or(&Value::Null);
                let variable = format!("CONSOLE_{}__{}", name.to_uppercase(), key.to_uppercase());
                Setting { value: value.to_string(), default: default.to_string(), variable, key }
            };
            let settings = values.into_iter().map(setting).collect();
            Some(SettingSection { name, settings })
        };
        sections(&self.config).into_iter().filter_map(section).collect()
    }

    async fn redaction(&self) -> RedactionRules {
        self.self_log.redactor().describe()
    }

    async fn try_redaction(&self, sample: &str) -> Result<RedactedSample, ApiError> {
        if sample.len() > MAX_SAMPLE {
            return Err(ApiError::invalid("sample", format!("At most {MAX_SAMPLE} bytes can be tried.")));
        }
        Ok(self.self_log.redactor().sample(sample))
    }
}
