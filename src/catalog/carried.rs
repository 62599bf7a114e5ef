//! What a statement carries in its DataFusion configuration, where rules, functions and tables find it.

/// Lets a type be kept in `ConfigOptions::extensions` under a name. Nobody sets it by words: `SET` of the name is 42704.
macro_rules! carried_in_config {
    ($carried:ty, $name:literal) => {
        impl datafusion::common::config::ConfigExtension for $carried {
            const PREFIX: &'static str = $name;
        }

        impl datafusion::common::config::ExtensionOptions for $carried {
            fn as_any(&self) -> &dyn std::any::Any {
                self
            }

            fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
                self
            }

            fn cloned(&self) -> Box<dyn datafusion::common::config::ExtensionOptions> {
                Box::new(Clone::clone(self))
            }

            fn set(&mut self, key: &str, _: &str) -> datafusion::error::Result<()> {
                Err($crate::error::Error::new(
                    $crate::error::SqlState::UNDEFINED_OBJECT,
                    format!("unrecognized configuration parameter \"{key}\""),
                )
                .into())
            }

            fn entries(&self) -> Vec<datafusion::common::config::ConfigEntry> {
                Vec::new()
            }
        }
    };
}

pub(crate) use carried_in_config;
