// SPDX-License-Identifier: Apache-2.0
//! What the flags and the old variables come to.

use super::*;

fn given(text: &str) -> Option<Given<Url>> {
    Some(parse(text.to_owned()))
}

fn resolve(args: ClientArgs, variables: &[(&str, &str)]) -> Result<Config, String> {
    let mut problems = Problems::new("x");
    let variable = |name: &str| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let config = args.resolve_with(None, &mut problems, variable);
    if problems.is_empty() { config.ok_or_else(String::new) } else { Err(problems.sentence()) }
}

fn with_key() -> ClientArgs {
    ClientArgs { canopy_device_key: Some("/k".into()), ..ClientArgs::default() }
}

#[test]
fn the_old_operators_variables_are_enough() {
    let old = [
        ("CANOPY_BASE_URL", "https://canopy.tail1.ts.net/"),
        ("CANOPY_SOCKS5_PROXY", "socks5://[::1]:1055"),
    ];
    let config = resolve(ClientArgs::default(), &old).unwrap();
    assert!(matches!(&config.ways, Ways::Tailnet(url) if url.host_str().is_some()));
    assert_eq!(config.socks5.unwrap().as_str(), "socks5h://[::1]:1055");
    let config = resolve(with_key(), &[("CANOPY_BASE_URL", "https://c.example.org")]).unwrap();
    assert!(matches!(config.ways, Ways::Public(_)));
}

#[test]
fn a_flag_goes_before_a_variable_and_another_flags_url_before_both() {
    let args = ClientArgs { canopy_url: given("https://flag.example.org"), ..with_key() };
    let old = [("CANOPY_BASE_URL", "https://old.example.org")];
    let shown = format!("{:?}", resolve(args.clone(), &old).unwrap());
    assert!(shown.contains("flag.example.org") && !shown.contains("old."), "{shown}");
    let mut problems = Problems::new("x");
    let config =
        args.resolve(Some(("--issuer", "https://first.example.org".to_owned())), &mut problems);
    assert!(format!("{:?}", config.unwrap()).contains("first.example.org"));
}

#[test]
fn empty_variables_count_as_unset() {
    let old = [("CANOPY_BASE_URL", ""), ("CANOPY_SOCKS5_PROXY", "")];
    let complaint = resolve(ClientArgs::default(), &old).unwrap_err();
    assert!(complaint.contains("--canopy-url or --canopy-tailnet-url is required"));
}

#[test]
fn every_bad_value_is_named_at_once_and_no_secret_shown() {
    let args = ClientArgs {
        canopy_url: given("ftp://u:hush@c"),
        canopy_tailnet_url: given("https://u:hush@c.ts.net"),
        canopy_socks5: given("http://[::1]:1055"),
        ..ClientArgs::default()
    };
    let complaint = resolve(args, &[]).unwrap_err();
    for flag in ["--canopy-url", "--canopy-tailnet-url", "--canopy-socks5"] {
        assert!(complaint.contains(flag), "{complaint}");
    }
    assert!(!complaint.contains("hush"), "{complaint}");
}

#[test]
fn the_public_host_needs_a_device_key_and_the_tailnet_none() {
    let args = |url| ClientArgs { canopy_url: given(url), ..ClientArgs::default() };
    let complaint = resolve(args("https://c.example.org"), &[]).unwrap_err();
    assert!(complaint.contains("--canopy-device-key is required"), "{complaint}");
    assert!(resolve(args("https://c.x.ts.net"), &[]).is_ok());
    assert!(resolve(args("http://stub:8480"), &[]).is_ok());
}

#[test]
fn the_tailnets_prefix_may_be_in_the_url_or_not() {
    for url in ["https://c.ts.net", "https://c.ts.net/public", "https://c.ts.net/public/"] {
        let args = ClientArgs { canopy_tailnet_url: given(url), ..ClientArgs::default() };
        let config = resolve(args, &[]).unwrap();
        assert!(matches!(&config.ways, Ways::Tailnet(url) if url.path() == "/"), "{url}");
    }
}

#[test]
fn a_bad_url_is_complained_of_by_the_flag_that_holds_it() {
    let mut problems = Problems::new("x");
    let url = Some(("--issuer", "ftp://c.example.org".to_owned()));
    assert!(ClientArgs::default().resolve(url, &mut problems).is_none());
    assert!(problems.sentence().contains("--issuer"), "{}", problems.sentence());
}
