//! The platform's base version, which decides who can enter what and who needs a launch context.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A base version, written 38; `"V38"` and `"38"` are read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BaseVersion(u32);

impl BaseVersion {
    /// The newest base version whose clients ask for a launch context.
    pub const LAST_WITH_LAUNCH_CONTEXT: Self = Self(37);

    /// A base version from its number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Whether clients of this version need a launch context to launch.
    #[must_use]
    pub fn needs_launch_context(self) -> bool {
        self <= Self::LAST_WITH_LAUNCH_CONTEXT
    }
}

impl fmt::Display for BaseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V{}", self.0)
    }
}

impl<'de> Deserialize<'de> for BaseVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = BaseVersion;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a base version as 38 or \"V38\"")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<BaseVersion, E> {
                u32::try_from(number)
                    .map(BaseVersion)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<BaseVersion, E> {
                text.strip_prefix(['V', 'v'])
                    .unwrap_or(text)
                    .parse()
                    .map(BaseVersion)
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        for text in ["37", "\"V37\"", "\"v37\"", "\"37\""] {
            assert_eq!(serde_json::from_str::<BaseVersion>(text).unwrap(), BaseVersion(37));
        }
        for text in ["-1", "37.5", "\"\"", "\"VV37\"", "null", "99999999999"] {
            assert!(serde_json::from_str::<BaseVersion>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_37_and_older_need_a_launch_context() {
        assert!(BaseVersion::new(37).needs_launch_context());
        assert!(!BaseVersion::new(38).needs_launch_context());
    }
}
