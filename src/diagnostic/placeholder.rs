//! Texts that some tool should have filled in.

use super::cut;

/// The marks of placeholders, and what fills them in.
const MARKS: [(&str, &str, &str); 3] = [
    ("{{", "}}", "render the template first, for example with `helm template`"),
    ("${", "}", "fill it in first, for example with `envsubst`"),
    ("$(", ")", "give podreach what comes out of the tool that fills it in"),
];

/// Advice on a text that contains `${NAME}`, `$(NAME)` or `{{ .Values.name }}`; `None` if it contains none of them.
pub fn placeholder(text: &str) -> Option<String> {
    MARKS.into_iter().find_map(|(open, close, advice)| {
        let start = text.find(open)?;
        let end = text[start..].find(close)? + start + close.len();
        Some(format!("`{}` looks like a placeholder: {advice}", cut(&text[start..end], 40)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_placeholder() {
        for (text, advice) in [
            (
                "${PORT}",
                Some("`${PORT}` looks like a placeholder: fill it in first, for example with `envsubst`"),
            ),
            (
                "a-$(NAME)-b",
                Some(
                    "`$(NAME)` looks like a placeholder: give podreach what comes out of the tool that fills it in",
                ),
            ),
            (
                "{{ .Values.x }}",
                Some(
                    "`{{ .Values.x }}` looks like a placeholder: render the template first, for example with `helm template`",
                ),
            ),
            ("$PORT", None),
            ("${PORT", None),
            ("}{", None),
        ] {
            assert_eq!(placeholder(text).as_deref(), advice, "{text}");
        }
    }
}
