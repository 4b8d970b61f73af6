//! JUnit XML, as CI servers read it.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::{Case, Report, Suite};
use crate::expect::{Counts, Status};
use crate::render::text::Plain;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let counts = report.counts();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    numbered(writer.create_element("testsuites").with_attribute(("name", "podreach")), &counts)
        .write_inner_content(|writer| {
            report.suites.iter().try_for_each(|suite| write_suite(writer, suite))
        })?;
    out.write_all(&writer.into_inner())?;
    writeln!(out)
}

type Element<'w> = quick_xml::writer::ElementWriter<'w, Vec<u8>>;

fn numbered<'w>(element: Element<'w>, counts: &Counts) -> Element<'w> {
    element
        .with_attribute(("tests", &*counts.tests.to_string()))
        .with_attribute(("failures", &*(counts.failed + counts.unknown).to_string()))
        .with_attribute(("errors", "0"))
        .with_attribute(("skipped", &*counts.waived.to_string()))
}

fn write_suite(writer: &mut Writer<Vec<u8>>, suite: &Suite<'_>) -> io::Result<()> {
    let name = Plain(&suite.file.name).to_string();
    let element = writer.create_element("testsuite").with_attribute(("name", &*name));
    numbered(element, &Counts::of(suite.rulings)).write_inner_content(|writer| {
        writer.create_element("properties").write_inner_content(|writer| {
            let property = writer.create_element("property").with_attribute(("name", "cni"));
            property.with_attribute(("value", suite.context.profile.name())).write_empty()?;
            Ok(())
        })?;
        suite.cases().try_for_each(|case| write_case(writer, &name, case))
    })?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, suite: &str, case: Case<'_>) -> io::Result<()> {
    let name = Plain(&case.test.name).to_string();
    let position = case.position();
    let file = position.as_ref().map(|at| Plain(&at.source).to_string());
    let line = position.map(|at| at.line.to_string());
    let place = file
        .as_deref()
        .map(|file| ("file", file))
        .into_iter()
        .chain(line.as_deref().map(|line| ("line", line)));
    let element = writer
        .create_element("testcase")
        .with_attribute(("name", &*name))
        .with_attribute(("classname", suite))
        .with_attributes(place);
    let message = Plain(&case.message()).to_string();
    match case.ruling.status {
        Status::Passed => element.write_empty()?,
        Status::PassedWaived => element.write_inner_content(|writer| {
            writer.create_element("system-out").write_text_content(BytesText::new(&message))?;
            Ok(())
        })?,
        Status::Waived => element.write_inner_content(|writer| {
            writer.create_element("skipped").with_attribute(("message", &*message)).write_empty()?;
            Ok(())
        })?,
        Status::Unknown | Status::Failed | Status::Expired => element.write_inner_content(|writer| {
            writer
                .create_element("failure")
                .with_attribute(("type", case.rule()))
                .with_attribute(("message", &*message))
                .write_text_content(BytesText::new(&super::text::plain_failure(case)))?;
            Ok(())
        })?,
    };
    Ok(())
}
