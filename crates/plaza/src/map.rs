//! The two maps: how large they are, where people come in and where the stage is.

use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// A point of a map, in whole centimetres from its north-west corner: x to the east, y south.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Centimetres to the east.
    pub x: i32,
    /// Centimetres to the south.
    pub y: i32,
}

/// The extent of a map, in centimetres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Size {
    /// From west to east.
    pub width: i32,
    /// From north to south.
    pub height: i32,
}

/// The part of a map that closed doors keep people out of. It lies at the northern edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StageArea {
    /// Western edge.
    pub left: i32,
    /// Eastern edge.
    pub right: i32,
    /// Southern edge, where the doors are.
    pub bottom: i32,
}

impl StageArea {
    /// Whether `place` lies on the stage's side of the doors.
    #[must_use]
    pub fn contains(&self, place: Place) -> bool {
        place.y < self.bottom && (self.left..self.right).contains(&place.x)
    }
}

/// One of the maps that the mod ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Map {
    /// A paved square, 96 m by 96 m.
    #[default]
    Plaza,
    /// A long garden, 64 m by 128 m.
    Garden,
}

/// A text that names no map.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a map: `plaza` and `garden` are")]
pub struct MapUnknown(pub String);

impl FromStr for Map {
    type Err = MapUnknown;

    fn from_str(text: &str) -> Result<Self, MapUnknown> {
        match text {
            "plaza" => Ok(Self::Plaza),
            "garden" => Ok(Self::Garden),
            _ => Err(MapUnknown(text.chars().take(64).collect())),
        }
    }
}

impl Map {
    /// The map's name, as in `mod.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaza => "plaza",
            Self::Garden => "garden",
        }
    }

    /// The map's extent.
    #[must_use]
    pub fn size(self) -> Size {
        match self {
            Self::Plaza => Size { width: 9_600, height: 9_600 },
            Self::Garden => Size { width: 6_400, height: 12_800 },
        }
    }

    /// Where the stage is.
    #[must_use]
    pub fn stage(self) -> StageArea {
        let width = self.size().width;
        StageArea { left: width / 4, right: width * 3 / 4, bottom: 1_200 }
    }

    /// `place`, or the nearest point of the map to it.
    #[must_use]
    pub fn clamp(self, place: Place) -> Place {
        let Size { width, height } = self.size();
        Place { x: place.x.clamp(0, width - 1), y: place.y.clamp(0, height - 1) }
    }

    /// Where the `n`th person comes in: spread evenly over the map south of the stage, so that a
    /// crowd that arrives at once does not stand in one spot.
    #[must_use]
    pub fn entrance(self, n: u32) -> Place {
        // The R2 sequence: each point falls into the largest gap left by those before it.
        const STEP_X: f64 = 0.754_877_666_246_692_8;
        const STEP_Y: f64 = 0.569_840_290_998_053_3;
        let Size { width, height } = self.size();
        let top = self.stage().bottom;
        let part = |step: f64| (0.5 + step * f64::from(n)).fract();
        let along = |from: i32, to: i32, part: f64| from + (f64::from(to - from) * part) as i32;
        self.clamp(Place { x: along(0, width, part(STEP_X)), y: along(top, height, part(STEP_Y)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_comes_in_on_the_map_and_before_the_doors() {
        for map in [Map::Plaza, Map::Garden] {
            for n in (0..20_000).chain([u32::MAX]) {
                let place = map.entrance(n);
                assert_eq!(place, map.clamp(place));
                assert!(!map.stage().contains(place));
            }
        }
    }

    #[test]
    fn a_map_is_known_by_its_name() {
        assert_eq!(Map::Garden.name().parse(), Ok(Map::Garden));
        assert!("Garden".parse::<Map>().is_err());
    }
}
