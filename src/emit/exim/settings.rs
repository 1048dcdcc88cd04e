//! A site's own settings (`settings FILE`): copied into the main section, unless they would change what is emitted.

use std::collections::BTreeSet;

/// The first thing in the settings that cannot be copied, in the user's terms.
pub(super) fn conflict(settings: &str, main: &str) -> Option<String> {
    let ours = names(main);
    logical_lines(settings).into_iter().find_map(|line| {
        let word = line.split(|c: char| c.is_whitespace() || c == '=').next().unwrap_or_default();
        if word == "begin" {
            return Some("`begin` would end the main section, which is all that settings may add to".to_owned());
        }
        if word.starts_with(|c: char| c.is_ascii_uppercase()) {
            return Some(format!("the macro `{word}` would be replaced wherever its name stands in the emitted text"));
        }
        if word.starts_with(".include") {
            return Some("an included file is not seen by the compiler: copy its settings here".to_owned());
        }
        let name = option_name(&line)?;
        ours.contains(&name).then(|| format!("`{name}` is set by the compiler"))
    })
}

fn names(text: &str) -> BTreeSet<String> {
    logical_lines(text).iter().filter_map(|line| option_name(line)).collect()
}

/// The option or named list that a line sets: `no_x` and `not_x` set `x` (6.12), `hide` is no part of the name (6.9).
fn option_name(line: &str) -> Option<String> {
    let line = line.strip_prefix("hide ").unwrap_or(line).trim_start();
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    if matches!(word, "domainlist" | "hostlist" | "addresslist" | "localpartlist") {
        let name = rest.trim_start().split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
        return Some(format!("{word} {name}"));
    }
    let bare = word.strip_prefix("not_").or(word.strip_prefix("no_")).unwrap_or(word);
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// Lines without comments and blanks, each with those that continue it (6.2).
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut continues = false;
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (body, more) = line.strip_suffix('\\').map_or((line, false), |body| (body, true));
        match lines.last_mut().filter(|_| continues) {
            Some(last) => last.push_str(body),
            None => lines.push(body.to_owned()),
        }
        continues = more;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_sets_is_refused_under_each_of_its_spellings() {
        let main = "local_from_check = false\nhostlist trusted = <; 10.0.0.0/8\n";
        for settings in
            ["local_from_check", "no_local_from_check", "hide local_from_check=true", "hostlist trusted = *"]
        {
            assert!(conflict(settings, main).is_some(), "{settings}");
        }
        assert_eq!(
            conflict("# local_from_check\nqueue_only = true\nhostlist mine = \\\n  local_from_check", main),
            None
        );
        assert!(conflict("begin acl", main).is_some());
        assert!(conflict("CONF = x", main).is_some());
    }
}
