//! Templates: the only user of handlebars.

use handlebars::{Handlebars, no_escape};
use serde::Serialize;

/// A view set into a template; a name that the view lacks is an error. What needs quotes was quoted for its place before.
pub(super) fn render(template: &str, view: &impl Serialize) -> Result<String, String> {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    templates.register_escape_fn(no_escape);
    templates.render_template(template, view).map_err(|error| error.to_string())
}
