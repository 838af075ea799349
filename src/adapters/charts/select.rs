//! Which version of a chart is meant, as Helm chooses: one that is written just so, or else the highest in the range.

use crate::helm::semver::{Constraint, Version};
use crate::ports::{Fault, PortError};

/// The version that is meant; nothing where none is. Without a range, any without a pre-release is.
pub(super) fn choose<'v>(
    versions: impl IntoIterator<Item = &'v str> + Clone,
    range: Option<&str>,
) -> Result<Option<&'v str>, PortError> {
    let exact = versions.clone().into_iter().find(|version| range == Some(*version));
    if exact.is_some() {
        return Ok(exact);
    }
    let range = range.unwrap_or("*");
    let constraint = Constraint::parse(range)
        .map_err(|why| PortError::new(Fault::Invalid, format!("`{range}` is no range of versions: {why}")))?;
    let mut best: Option<(Version, &str)> = None;
    for text in versions {
        // What is no version counts for nothing, as in Helm.
        let Ok(version) = Version::parse(text) else { continue };
        if constraint.check(&version) && best.as_ref().is_none_or(|(other, _)| version.compare(other).is_gt()) {
            best = Some((version, text));
        }
    }
    Ok(best.map(|(_, text)| text))
}

/// Whether a range is one version, of which nothing newer can come.
pub(super) fn is_exact(range: Option<&str>) -> bool {
    let whole = |text: &str| text.split(['-', '+']).next().is_some_and(|numbers| numbers.matches('.').count() == 2);
    range.is_some_and(|text| whole(text) && Version::parse(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_helm_chooses() {
        let all = ["0.9.0", "1.2.0", "1.10.0", "1.2.9", "2.0.0-rc.1", "v1.2.10", "nonsense", "1.2.9+b"];
        for (range, expected) in [
            (None, Some("1.10.0")),
            (Some("~1.2"), Some("v1.2.10")),
            (Some("1.2.x"), Some("v1.2.10")),
            (Some("1.2.9"), Some("1.2.9")),
            (Some("nonsense"), Some("nonsense")),
            (Some(">1"), None),
            (Some(">=1"), Some("1.10.0")),
            (Some(">=2.0.0-0"), Some("2.0.0-rc.1")),
            (Some("^3"), None),
        ] {
            assert_eq!(choose(all, range).expect("a range"), expected, "{range:?}");
        }
        assert_eq!(choose(all, Some("so so")).expect_err("no range").fault, Fault::Invalid);
        let exact = ["1.2.3", "1.2.3-rc.1", "v1.2.3+b"];
        assert!(exact.into_iter().all(|text| is_exact(Some(text))));
        assert!([None, Some("1.2"), Some("~1.2.3"), Some("*")].into_iter().all(|range| !is_exact(range)));
    }
}
