//! Continents of countries and groups of regions, as geodns defines them.
//!
//! Codes are ISO 3166-1 alpha-2 and ISO 3166-2, lower case. Zones depend on geodns's choice of
//! seven continents: Turkey in Europe, Cyprus in Asia, all of Russia in Europe. GeoIP files choose
//! otherwise, so the table is here.

/// The continents, as targets.
pub const CONTINENTS: [&str; 7] =
    ["africa", "antarctica", "asia", "europe", "north-america", "oceania", "south-america"];

/// The region groups, as targets.
pub const REGION_GROUPS: [&str; 11] = [
    "us-west",
    "us-central",
    "us-east",
    "ru-dfd",
    "ru-kfd",
    "ru-pfd",
    "ru-sfd",
    "ru-tfd",
    "ru-ufd",
    "ru-vfd",
    "ru-yfd",
];

/// The continent of a country, or `None` if the code is none that a GeoIP file gives.
///
/// Beside today's countries it knows `an` and `fx` (of the past), `ap` and `eu` (not countries, but
/// in GeoIP files), and `xk` (Kosovo, which has no code of its own in the standard).
#[must_use]
pub const fn continent(country: [u8; 2]) -> Option<&'static str> {
    Some(match &country {
        b"ao" | b"bf" | b"bi" | b"bj" | b"bw" | b"cd" | b"cf" | b"cg" | b"ci" | b"cm" | b"cv"
        | b"dj" | b"dz" | b"eg" | b"eh" | b"er" | b"et" | b"ga" | b"gh" | b"gm" | b"gn" | b"gq"
        | b"gw" | b"ke" | b"km" | b"lr" | b"ls" | b"ly" | b"ma" | b"mg" | b"ml" | b"mr" | b"mu"
        | b"mw" | b"mz" | b"na" | b"ne" | b"ng" | b"re" | b"rw" | b"sc" | b"sd" | b"sh" | b"sl"
        | b"sn" | b"so" | b"ss" | b"st" | b"sz" | b"td" | b"tg" | b"tn" | b"tz" | b"ug" | b"yt"
        | b"za" | b"zm" | b"zw" => "africa",
        b"aq" | b"bv" | b"gs" | b"hm" | b"tf" => "antarctica",
        b"ae" | b"af" | b"am" | b"ap" | b"az" | b"bd" | b"bh" | b"bn" | b"bt" | b"cc" | b"cn"
        | b"cx" | b"cy" | b"ge" | b"hk" | b"id" | b"il" | b"in" | b"io" | b"iq" | b"ir" | b"jo"
        | b"jp" | b"kg" | b"kh" | b"kp" | b"kr" | b"kw" | b"kz" | b"la" | b"lb" | b"lk" | b"mm"
        | b"mn" | b"mo" | b"mv" | b"my" | b"np" | b"om" | b"ph" | b"pk" | b"ps" | b"qa" | b"sa"
        | b"sg" | b"sy" | b"th" | b"tj" | b"tl" | b"tm" | b"tw" | b"uz" | b"vn" | b"ye" => "asia",
        b"ad" | b"al" | b"at" | b"ax" | b"ba" | b"be" | b"bg" | b"by" | b"ch" | b"cz" | b"de"
        | b"dk" | b"ee" | b"es" | b"eu" | b"fi" | b"fo" | b"fr" | b"fx" | b"gb" | b"gg" | b"gi"
        | b"gr" | b"hr" | b"hu" | b"ie" | b"im" | b"is" | b"it" | b"je" | b"li" | b"lt" | b"lu"
        | b"lv" | b"mc" | b"md" | b"me" | b"mk" | b"mt" | b"nl" | b"no" | b"pl" | b"pt" | b"ro"
        | b"rs" | b"ru" | b"se" | b"si" | b"sj" | b"sk" | b"sm" | b"tr" | b"ua" | b"va" | b"xk" => {
            "europe"
        }
        b"ag" | b"ai" | b"an" | b"aw" | b"bb" | b"bl" | b"bm" | b"bq" | b"bs" | b"bz" | b"ca"
        | b"cr" | b"cu" | b"cw" | b"dm" | b"do" | b"gd" | b"gl" | b"gp" | b"gt" | b"hn" | b"ht"
        | b"jm" | b"kn" | b"ky" | b"lc" | b"mf" | b"mq" | b"ms" | b"mx" | b"ni" | b"pa" | b"pm"
        | b"pr" | b"sv" | b"sx" | b"tc" | b"tt" | b"us" | b"vc" | b"vg" | b"vi" => "north-america",
        b"as" | b"au" | b"ck" | b"fj" | b"fm" | b"gu" | b"ki" | b"mh" | b"mp" | b"nc" | b"nf"
        | b"nr" | b"nu" | b"nz" | b"pf" | b"pg" | b"pn" | b"pw" | b"sb" | b"tk" | b"to" | b"tv"
        | b"um" | b"vu" | b"wf" | b"ws" => "oceania",
        b"ar" | b"bo" | b"br" | b"cl" | b"co" | b"ec" | b"fk" | b"gf" | b"gy" | b"pe" | b"py"
        | b"sr" | b"uy" | b"ve" => "south-america",
        _ => return None,
    })
}

/// The region group of a subdivision such as `us-ca`: parts of the United States, federal districts
/// of Russia.
#[must_use]
pub fn region_group(region: &str) -> Option<&'static str> {
    let (country, subdivision) = region.split_once('-')?;
    match country {
        "us" => us_group(subdivision),
        "ru" => ru_district(subdivision),
        _ => None,
    }
}

/// States and the federal district; Alaska and Hawaii are in the west, territories in no group.
fn us_group(state: &str) -> Option<&'static str> {
    Some(match state {
        "ak" | "az" | "ca" | "co" | "hi" | "id" | "mt" | "nm" | "nv" | "or" | "ut" | "wa"
        | "wy" => "us-west",
        "ar" | "ia" | "il" | "in" | "ks" | "la" | "mn" | "mo" | "nd" | "ne" | "ok" | "sd"
        | "tx" | "wi" => "us-central",
        "al" | "ct" | "dc" | "de" | "fl" | "ga" | "ky" | "ma" | "md" | "me" | "mi" | "ms"
        | "nc" | "nh" | "nj" | "ny" | "oh" | "pa" | "ri" | "sc" | "tn" | "va" | "vt" | "wv" => {
            "us-east"
        }
        _ => return None,
    })
}

/// Federal districts: Far Eastern, North Caucasian, Volga, Siberian, Central, Ural, Northwestern,
/// Southern.
fn ru_district(subject: &str) -> Option<&'static str> {
    Some(match subject {
        "amu" | "bu" | "chu" | "kam" | "kha" | "mag" | "pri" | "sa" | "sak" | "yev" | "zab" => {
            "ru-dfd"
        }
        "ce" | "da" | "in" | "kb" | "kc" | "se" | "sta" => "ru-kfd",
        "ba" | "cu" | "kir" | "me" | "mo" | "niz" | "ore" | "per" | "pnz" | "sam" | "sar"
        | "ta" | "ud" | "uly" => "ru-pfd",
        "al" | "alt" | "irk" | "kem" | "kk" | "kya" | "nvs" | "oms" | "tom" | "ty" => "ru-sfd",
        "bel" | "bry" | "iva" | "klu" | "kos" | "krs" | "lip" | "mos" | "mow" | "orl" | "rya"
        | "smo" | "tam" | "tul" | "tve" | "vla" | "vor" | "yar" => "ru-tfd",
        "che" | "kgn" | "khm" | "sve" | "tyu" | "yan" => "ru-ufd",
        "ark" | "kgd" | "ko" | "kr" | "len" | "mur" | "nen" | "ngr" | "psk" | "spe" | "vlg" => {
            "ru-vfd"
        }
        "ad" | "ast" | "kda" | "kl" | "ros" | "vgg" => "ru-yfd",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{CONTINENTS, REGION_GROUPS, continent, region_group};

    fn letters() -> impl Iterator<Item = [u8; 2]> {
        (b'a'..=b'z').flat_map(|one| (b'a'..=b'z').map(move |two| [one, two]))
    }

    #[test]
    fn every_country_is_on_one_of_seven_continents() {
        let found: Vec<&str> = letters().filter_map(continent).collect();
        assert_eq!(found.len(), 254);
        for name in CONTINENTS {
            assert!(found.contains(&name), "{name}");
        }
    }

    #[test]
    fn continents_are_those_of_geodns() {
        for (code, name) in [
            (b"de", "europe"),
            (b"gb", "europe"),
            (b"tr", "europe"),
            (b"ru", "europe"),
            (b"cy", "asia"),
            (b"kz", "asia"),
            (b"eg", "africa"),
            (b"us", "north-america"),
            (b"pa", "north-america"),
            (b"br", "south-america"),
            (b"nz", "oceania"),
            (b"aq", "antarctica"),
        ] {
            assert_eq!(continent(*code), Some(name));
        }
        assert_eq!(continent(*b"uk"), None);
        assert_eq!(continent(*b"GB"), None);
    }

    #[test]
    fn every_state_of_the_us_is_in_a_group() {
        let states = letters().filter_map(|code| {
            let state = String::from_utf8(code.to_vec()).unwrap();
            region_group(&format!("us-{state}"))
        });
        assert_eq!(states.count(), 51);
        assert_eq!(region_group("us-ca"), Some("us-west"));
        assert_eq!(region_group("us-tx"), Some("us-central"));
        assert_eq!(region_group("us-ny"), Some("us-east"));
        assert_eq!(region_group("us-pr"), None);
    }

    #[test]
    fn a_subject_of_russia_is_in_its_federal_district() {
        for (region, district) in [
            ("ru-pri", "ru-dfd"),
            ("ru-da", "ru-kfd"),
            ("ru-ta", "ru-pfd"),
            ("ru-nvs", "ru-sfd"),
            ("ru-mow", "ru-tfd"),
            ("ru-sve", "ru-ufd"),
            ("ru-spe", "ru-vfd"),
            ("ru-kda", "ru-yfd"),
        ] {
            assert_eq!(region_group(region), Some(district));
            assert!(REGION_GROUPS.contains(&district));
        }
        assert_eq!(region_group("ru-xxx"), None);
        assert_eq!(region_group("de-by"), None);
        assert_eq!(region_group("us"), None);
    }
}
