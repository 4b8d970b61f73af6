//! Colours and signs, when the terminal wants them.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// The colours and signs of an output; by default none at all, in plain ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Palette {
    coloured: bool,
    unicode: bool,
}

impl Palette {
    /// With or without colours, and without any sign that is not ASCII.
    pub const fn new(coloured: bool) -> Self {
        Self { coloured, unicode: false }
    }

    /// The same with or without the signs and lines of Unicode.
    #[must_use]
    pub const fn with_unicode(self, unicode: bool) -> Self {
        Self { unicode, ..self }
    }

    /// The same without colours.
    #[must_use]
    pub const fn without_colours(self) -> Self {
        Self { coloured: false, ..self }
    }

    /// True if signs and lines may be any of Unicode.
    pub const fn is_unicode(self) -> bool {
        self.unicode
    }

    /// True if there are colours.
    pub const fn is_coloured(self) -> bool {
        self.coloured
    }

    fn paint(self, style: Style, text: impl Display) -> String {
        if self.coloured { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    /// A heading.
    pub fn heading(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// Something that is allowed.
    pub fn allowed(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// Something that is denied.
    pub fn denied(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// Something that the input does not decide, or that nobody restricts.
    pub fn doubtful(self, text: impl Display) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// Something that matters less.
    pub fn faint(self, text: impl Display) -> String {
        self.paint(Style::new().dimmed(), text)
    }
}
