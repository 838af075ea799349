//! What `lockgate explain` prints: the page of a rule, or the reference of a node.

use crate::diag::codes;
use crate::model::manual;

macro_rules! pages {
    ($($id:literal)*) => {
        /// The pages of `grammar/rules`, by code. A test keeps them complete.
        static PAGES: &[(&str, &str)] = &[$(($id, include_str!(concat!("../../grammar/rules/", $id, ".md")))),*];
    };
}

pages! {
    "LG0001" "LG0002" "LG0003" "LG0004" "LG0005" "LG0006" "LG0007" "LG0008" "LG0009" "LG0010" "LG0011" "LG0012"
    "LG0013" "LG0014" "LG0015" "LG0016" "LG0017" "LG0018" "LG0019" "LG0101" "LG0102" "LG0103" "LG0104" "LG0105"
    "LG0106" "LG0107" "LG0108" "LG0109" "LG0110" "LG0111" "LG0112" "LG0113" "LG0114" "LG0115" "LG0116" "LG0117"
    "LG0118" "LG0119" "LG0120" "LG0121" "LG0201" "LG0202" "LG0203" "LG0204" "LG0205" "LG0206" "LG0207" "LG0208"
    "LG0209" "LG0210" "LG0211" "LG0212" "LG0213" "LG0214" "LG0215" "LG0216" "LG0217" "LG0218" "LG0301" "LG0302"
    "LG0303" "LG0304" "LG0305" "LG0306" "LG0307" "LG0308" "LG0309" "LG0310" "LG0311" "LG0312" "LG0313" "LG0314"
    "LG0315" "LG0316" "LG0317" "LG0320" "LG0321" "LG0322" "LG0323" "LG0324" "LG0325" "LG0326" "LG0327" "LG0328"
    "LG0329" "LG0330" "LG0331" "LG0332" "LG0333" "LG0334" "LG0401" "LG0402" "LG0403" "LG0404" "LG0405" "LG0406"
    "LG0407" "LG0408" "LG0409" "LG0410" "LG0411" "LG0412" "LG0413" "LG0414" "LG0415" "LG0416" "LG0417" "LG0418"
    "LG0419" "LG0420" "LG0421" "LG0422" "LG0423" "LG0424" "LG0425" "LG0426" "LG0501" "LG0502" "LG0503" "LG0504" "LG0505" "LG0506" "LG0507" "LG0508" "LG0510" "LG0511" "LG0512" "LG0513"
    "LG0601" "LG0602" "LG0603" "LG0604" "LG0605" "LG0606" "LG0607" "LG0608" "LG0701" "LG0702" "LG0703" "LG0704"
    "LG0705" "LG0706" "LG0707" "LG0801" "LG0802" "LG0803" "LG0901"
}

/// The text about a code, a rule or a node; nothing for what is none of these.
pub fn explain(topic: &str) -> Option<String> {
    let Some(code) = codes::find(topic) else { return manual::explain(topic) };
    let page = PAGES.iter().find(|(id, _)| *id == code.id).map(|(_, page)| page.to_string());
    Some(page.unwrap_or_else(|| format!("# {} {}\n\n{}\n", code.id, code.name, code.summary)))
}
