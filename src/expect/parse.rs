//! Reads test files: every string, every mistake, and names put in their place.

use std::path::Path;

use ipnet::IpNet;

use super::file::{self, Assume, Entry, Expect, External, File, Named, OnUnknown};
use super::test_file::{Endpoint, Expectation, Meaning, PodFilter, Settings, Test, TestFile, Waiver};
use crate::cluster::{Assumption, Ranges};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::k8s::LabelSelector;
use crate::load::{Input, OwnDocument, Sources, own};
use crate::net::{AddressSet, ByFamily, Family, net_range};
use crate::policy::field::FieldPath;
use crate::policy::{parse_cidr, validate_selector};
use crate::profile::Profile;
use crate::query::LabelQuery;
use crate::query::endpoint::{self, EndpointError, PortRequest};
use crate::yaml::OneOrMany;

const KIND: &str = "ReachabilityTest";

/// Everything that was read.
#[derive(Debug)]
pub struct Read {
    /// The files, in the order of the input; one document is one file.
    pub files: Vec<TestFile>,
    /// The texts they came from.
    pub sources: Sources,
    /// Findings about the files.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads test files. Of a directory, what is no test file is passed over.
pub fn read(inputs: &[Input], recursive: bool) -> Read {
    let read = own::<File>(KIND, inputs, recursive);
    let mut diagnostics = read.diagnostics;
    let mut files = Vec::new();
    for document in read.documents {
        let source = read.sources.get(document.origin.source).map_or("", |source| &source.name);
        let mut reader = Reader { document: &document, findings: Vec::new() };
        let file = reader.file(Path::new(source));
        diagnostics.append(&mut reader.findings);
        files.push(file);
    }
    diagnostics.sort_by_key(|finding| {
        let origin = finding.origin.as_ref();
        (origin.map(|origin| (origin.source, origin.document.start)), finding.offset)
    });
    Read { files, sources: read.sources, diagnostics }
}

/// Reads one document.
struct Reader<'d> {
    document: &'d OwnDocument<File>,
    findings: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// Reports a mistake, unless the field above it could not be read in the first place.
    fn find(&mut self, code: Code, path: &str, message: impl Into<String>) -> Option<&mut Diagnostic> {
        let within = |field: &String| {
            let field =
                field.split_once(['.']).filter(|_| field.starts_with("tests[")).map_or(&**field, |f| f.0);
            path == field || path.strip_prefix(field).is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        if self.document.left_out.iter().any(within) {
            return None;
        }
        let origin = self.document.origin.clone();
        self.findings.push(Diagnostic::new(code, message).with_origin(origin).with_path(path));
        self.findings.last_mut()
    }

    fn invalid(&mut self, path: &str, value: &str, why: &str) -> Option<&mut Diagnostic> {
        self.find(Code::InvalidValue, path, format!("Invalid value: {value:?}: {why}"))
    }

    fn required(&mut self, path: &str, why: &str) -> Option<&mut Diagnostic> {
        self.find(Code::RequiredValue, path, format!("Required value: {why}"))
    }

    fn file(&mut self, source: &Path) -> TestFile {
        let content = &self.document.content;
        let name = content.metadata.as_ref().and_then(|metadata| metadata.name.clone());
        let settings = self.settings(content, source.parent().unwrap_or(Path::new("")));
        let named = content.endpoints.as_ref().map_or(&[][..], |Named(endpoints)| endpoints);
        for (name, endpoint) in named {
            let path = format!("endpoints[{name}]");
            if name.is_empty() {
                self.invalid(&path, name, "an endpoint needs a name");
            }
            let found = self.endpoint(endpoint, &path, &mut vec![name]);
            if let Some((_, Some(_))) = found {
                self.invalid(&path, name, "ports belong to the tests, not to an endpoint");
            }
        }
        let tests = self.tests(content);
        let (tests, waivers) = self.waivers(content, tests);
        TestFile {
            name: name
                .unwrap_or_else(|| source.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
            origin: self.document.origin.clone(),
            settings,
            tests,
            waivers,
        }
    }

    fn settings(&mut self, content: &File, folder: &Path) -> Settings {
        let resources = content.resources.iter().flat_map(|OneOrMany(paths)| paths);
        let resources = resources.map(|path| folder.join(path)).collect();
        let profile = content.cni.as_ref().and_then(|name| {
            let profile = Profile::from_name(name);
            if profile.is_none() {
                let known = Profile::ALL.map(Profile::name);
                let near = nearest(name, known.iter().map(ToString::to_string));
                if let Some(finding) = self.invalid("cni", name, "no such CNI profile") {
                    finding.help = Some(match near.first() {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known are {}", known.join(", ")),
                    });
                }
            }
            profile
        });
        let mut ranges = |key: &str, list: &Option<OneOrMany>| -> Vec<IpNet> {
            let texts = list.as_ref().map_or(&[][..], |OneOrMany(texts)| texts);
            texts.iter().filter_map(|text| self.net(key, text)).collect()
        };
        let ranges = Ranges {
            pods: ranges("podCIDR", &content.pod_cidr),
            services: ranges("serviceCIDR", &content.service_cidr),
            nodes: ranges("nodeCIDR", &content.node_cidr),
        };
        let mut assume = Vec::new();
        for (object, label) in content.assume.iter().flat_map(|Assume(all)| all) {
            let parts = label.split_once('=');
            let found = parts.and_then(|(key, value)| Assumption::parse(object, key, value, "default"));
            if found.is_none() {
                let text = format!("{object} {label}");
                self.invalid("assume", text.trim(), "expected `KIND/[NS/]NAME KEY=VALUE`");
            }
            assume.extend(found);
        }
        Settings { resources, profile, ranges, assume }
    }

    fn net(&mut self, path: &str, text: &str) -> Option<IpNet> {
        let net = parse_cidr(text).map(|parsed| parsed.net);
        if net.is_none() {
            self.invalid(path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
        }
        net
    }

    fn tests(&mut self, content: &File) -> Vec<Test> {
        let Some(entries) = &content.tests else {
            self.required("tests", "a file without tests checks nothing");
            return Vec::new();
        };
        if entries.is_empty() {
            self.required("tests", "a file without tests checks nothing");
        }
        let mut tests = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            let path = format!("tests[{i}]");
            tests.extend(match entry {
                None => {
                    self.required(&path, "an empty element is no test");
                    None
                }
                Some(Entry::Line(line)) => self.line(line, path),
                Some(Entry::Test(test)) => self.test(test, path),
            });
        }
        tests
    }

    /// `FROM -> TO[:PORT] allow|restricted|deny`.
    fn line(&mut self, line: &str, path: String) -> Option<Test> {
        let parts = line.split_once("->").and_then(|(from, rest)| {
            let (to, verdict) = rest.trim().rsplit_once(char::is_whitespace)?;
            let expect = match verdict {
                "allow" => Expect::Allow,
                "deny" => Expect::Deny,
                "restricted" => Expect::Restricted,
                _ => return None,
            };
            Some((from.trim(), to.trim(), expect))
        });
        let Some((from, to, expect)) = parts.filter(|(from, to, _)| !from.is_empty() && !to.is_empty())
        else {
            self.invalid(&path, line, "expected `FROM -> TO[:PORT] allow`, `... restricted` or `... deny`");
            return None;
        };
        let text = |text: &str| Some(file::Endpoint::Text(text.to_owned()));
        let test = file::Test {
            name: Some(line.to_owned()),
            from: text(from),
            to: text(to),
            ports: None,
            expect: Some(expect),
            expect_only: None,
            on_unknown: None,
            allow_empty: None,
        };
        let test = self.test(&test, path.clone())?;
        // There are no fields to point at.
        let here =
            |endpoint: Option<Endpoint>| endpoint.map(|endpoint| Endpoint { path: path.clone(), ..endpoint });
        Some(Test { from: here(test.from), to: here(test.to), path, ..test })
    }

    fn test(&mut self, test: &file::Test, path: String) -> Option<Test> {
        let before = self.findings.len();
        let from = test.from.as_ref().and_then(|from| self.end(from, &format!("{path}.from"), "from"));
        let to = test.to.as_ref().and_then(|to| self.end(to, &format!("{path}.to"), "to"));
        let own_port = to.as_ref().and_then(|(_, port)| port.clone());
        let mut ports = self.ports(test, &path);
        if let Some(port) = own_port {
            if ports.is_some() {
                let message = "Forbidden: `to` has a port already";
                self.find(Code::Forbidden, &format!("{path}.ports"), message);
            }
            ports = Some(vec![port]);
        }
        let expectation = self.expectation(test, &path);
        if let Some(Expectation::Only(_)) = expectation {
            if test.from.is_some() == test.to.is_some() {
                let message = "Forbidden: `expectOnly` lists the other ends of either `from` or `to`, so give one of the two";
                self.find(Code::Forbidden, &format!("{path}.expectOnly"), message);
            }
        } else if expectation.is_some() {
            for (field, value) in [("from", &test.from), ("to", &test.to)] {
                if value.is_none()
                    && let Some(finding) = self.required(
                        &format!("{path}.{field}"),
                        "`expect` is about connections from `from` to `to`",
                    )
                {
                    finding.help = Some("to speak of everybody else, say `expectOnly`".into());
                }
            }
        }
        let expectation = expectation.filter(|_| self.findings.len() == before)?;
        let (from, to) = (from.map(|end| end.0), to.map(|end| end.0));
        let name = match &test.name {
            Some(name) => name.clone(),
            None => nameless(from.as_ref(), to.as_ref(), &expectation),
        };
        Some(Test {
            name,
            path,
            from,
            to,
            ports,
            expectation,
            passes_on_unknown: test.on_unknown == Some(OnUnknown::Allow),
            allows_empty: test.allow_empty.unwrap_or(false),
            waiver: None,
        })
    }

    fn expectation(&mut self, test: &file::Test, path: &str) -> Option<Expectation> {
        match (test.expect, &test.expect_only) {
            (Some(Expect::Allow), None) => Some(Expectation::Allow),
            (Some(Expect::Restricted), None) => Some(Expectation::Restricted),
            (Some(Expect::Deny), None) => Some(Expectation::Deny),
            (None, Some(list)) => {
                let mut only = Vec::new();
                for (i, endpoint) in list.iter().enumerate() {
                    let path = format!("{path}.expectOnly[{i}]");
                    match endpoint {
                        Some(endpoint) => {
                            only.extend(self.end(endpoint, &path, "expectOnly").map(|end| end.0));
                        }
                        None => {
                            self.required(&path, "an empty element is no endpoint");
                        }
                    }
                }
                Some(Expectation::Only(only))
            }
            (None, None) => {
                self.required(
                    &format!("{path}.expect"),
                    "`allow`, `restricted` or `deny`, or give `expectOnly`",
                );
                None
            }
            (Some(_), Some(_)) => {
                self.find(
                    Code::Forbidden,
                    &format!("{path}.expectOnly"),
                    "Forbidden: a test has either `expect` or `expectOnly`",
                );
                None
            }
        }
    }

    fn ports(&mut self, test: &file::Test, path: &str) -> Option<Vec<PortRequest>> {
        let list = test.ports.as_ref()?;
        let path = format!("{path}.ports");
        if list.is_empty() {
            self.required(&path, "leave the field out for every port");
        }
        let mut ports = Vec::new();
        for (i, port) in list.iter().enumerate() {
            let path = format!("{path}[{i}]");
            let Some(file::Port(text)) = port else {
                self.required(&path, "an empty element is no port");
                continue;
            };
            match endpoint::parse_port(text) {
                Ok(port) => ports.push(port),
                Err(error) => self.refused(&path, text, &error),
            }
        }
        Some(ports)
    }

    fn refused(&mut self, path: &str, text: &str, error: &EndpointError) {
        if let Some(finding) = self.invalid(path, text, &error.to_string()) {
            finding.help = error.help();
        }
    }

    /// An end of a test; only `to` may have a port behind it.
    fn end(
        &mut self,
        endpoint: &file::Endpoint,
        path: &str,
        role: &str,
    ) -> Option<(Endpoint, Option<PortRequest>)> {
        let (endpoint, port) = self.endpoint(endpoint, path, &mut Vec::new())?;
        match (port, role) {
            (None, _) => Some((endpoint, None)),
            (Some(port), "to") => Some((endpoint, Some(port))),
            (Some(_), _) => {
                let why = if role == "from" {
                    "the source of a connection has no port"
                } else {
                    "ports stand under `ports`, for all of them"
                };
                self.invalid(path, &endpoint.text, why);
                None
            }
        }
    }

    /// An endpoint, with the port that stands behind it. `through` holds the names that led here.
    fn endpoint<'f>(
        &mut self,
        endpoint: &'f file::Endpoint,
        path: &str,
        through: &mut Vec<&'f str>,
    ) -> Option<(Endpoint, Option<PortRequest>)>
    where
        Self: 'f,
    {
        let text = match endpoint {
            file::Endpoint::Text(text) => text,
            file::Endpoint::Set(set) => {
                let meaning = self.set(set, path)?;
                let text = describe(set);
                return Some((Endpoint { text, path: path.to_owned(), meaning, near: None }, None));
            }
            file::Endpoint::List(list) => return Some((self.list(list, path, through)?, None)),
        };
        let (end, port) = match self.named(text) {
            Some(_) => (&**text, None),
            None => match endpoint::split_port(text) {
                Ok(parts) => parts,
                Err(error) => {
                    self.refused(path, text, &error);
                    return None;
                }
            },
        };
        let port = match port.map(endpoint::parse_port).transpose() {
            Ok(port) => port,
            Err(error) => {
                self.refused(path, text, &error);
                return None;
            }
        };
        let Some(named) = self.named(end) else {
            if let Err(error) = endpoint::check_shape(end) {
                self.refused(path, text, &error);
                return None;
            }
            let names = self
                .document
                .content
                .endpoints
                .iter()
                .flat_map(|Named(all)| all.iter().map(|(name, _)| name.clone()));
            let near = nearest(end, names).into_iter().next();
            let meaning = Meaning::Text(end.to_owned());
            return Some((Endpoint { text: end.to_owned(), path: path.to_owned(), meaning, near }, port));
        };
        if through.contains(&end) {
            self.invalid(path, text, "this endpoint stands for itself");
            return None;
        }
        // What is wrong with it is said where it stands.
        let said = self.findings.len();
        let mut way: Vec<String> = through.iter().map(ToString::to_string).collect();
        way.push(end.to_owned());
        let found = self.endpoint(&named, path, &mut way.iter().map(String::as_str).collect());
        if through.is_empty() && !path.starts_with("endpoints") {
            self.findings.truncate(said);
        }
        let (found, _) = found?;
        Some((Endpoint { text: end.to_owned(), ..found }, port))
    }

    /// Several endpoints as one; ports stand under `ports`, for all of them.
    fn list<'f>(
        &mut self,
        list: &'f [Option<file::Endpoint>],
        path: &str,
        through: &mut Vec<&'f str>,
    ) -> Option<Endpoint>
    where
        Self: 'f,
    {
        if list.is_empty() {
            self.required(path, "a list of endpoints without any");
        }
        let mut members = Vec::new();
        for (i, member) in list.iter().enumerate() {
            let path = format!("{path}[{i}]");
            let Some(member) = member else {
                self.required(&path, "an empty element is no endpoint");
                continue;
            };
            match self.endpoint(member, &path, through) {
                Some((member, None)) => members.push(member),
                Some((member, Some(_))) => {
                    self.invalid(&path, &member.text, "ports stand under `ports`, for all of them");
                }
                None => {}
            }
        }
        if members.is_empty() || members.len() < list.len() {
            return None;
        }
        let text = members.iter().map(|member| &*member.text).collect::<Vec<_>>().join(", ");
        Some(Endpoint { text, path: path.to_owned(), meaning: Meaning::List(members), near: None })
    }

    fn named(&self, name: &str) -> Option<file::Endpoint> {
        let Named(all) = self.document.content.endpoints.as_ref()?;
        all.iter().find(|(other, _)| other == name).map(|(_, endpoint)| endpoint.clone())
    }

    fn set(&mut self, set: &file::EndpointSet, path: &str) -> Option<Meaning> {
        let before = self.findings.len();
        let mut addresses: ByFamily<AddressSet> = ByFamily::default();
        for (i, text) in set.cidrs.iter().flat_map(|OneOrMany(all)| all).enumerate() {
            if let Some(net) = self.net(&format!("{path}.cidrs[{i}]"), text) {
                let (first, last) = net_range(net);
                let family = Family::of_net(net);
                addresses[family] = addresses[family].union(&AddressSet::from_range(first, last));
            }
        }
        let namespaces = self.selector(set.namespace_selector.as_ref(), &format!("{path}.namespaceSelector"));
        let pods = self.selector(set.pod_selector.as_ref(), &format!("{path}.podSelector"));
        let selects = set.namespace.is_some() || namespaces.is_some() || pods.is_some();
        let internet = matches!(set.external, Some(External::Internet));
        if !selects && !internet && set.cidrs.is_none() {
            let why = "one of namespace, namespaceSelector, podSelector, cidrs and external";
            self.required(path, why);
        }
        let pods = selects.then(|| PodFilter { namespace: set.namespace.clone(), namespaces, pods });
        (self.findings.len() == before).then_some(Meaning::Set { pods, addresses, internet })
    }

    fn selector(&mut self, selector: Option<&LabelSelector>, path: &str) -> Option<LabelQuery> {
        let selector = selector?;
        for finding in validate_selector(selector, &FieldPath::new(path)) {
            self.find(finding.code, &finding.path, finding.message);
        }
        Some(LabelQuery::of(selector))
    }

    fn waivers(&mut self, content: &File, mut tests: Vec<Test>) -> (Vec<Test>, Vec<Waiver>) {
        let mut waivers = Vec::new();
        for (i, waiver) in content.waivers.iter().flatten().enumerate() {
            let path = format!("waivers[{i}]");
            let Some((waiver, name)) =
                waiver.as_ref().and_then(|waiver| Some((waiver, waiver.test.as_ref()?)))
            else {
                self.required(&format!("{path}.test"), "the name of the test that may fail");
                continue;
            };
            let mut is_meant = false;
            for test in tests.iter_mut().filter(|test| test.name == *name) {
                test.waiver = Some(i);
                is_meant = true;
            }
            // A test that could not be read has no name here.
            if !is_meant && self.findings.is_empty() && self.document.left_out.is_empty() {
                let near = nearest(name, tests.iter().map(|test| test.name.clone()));
                if let Some(finding) =
                    self.invalid(&format!("{path}.test"), name, "no test of this file has this name")
                {
                    finding.help = near.first().map(|near| format!("did you mean `{near}`?"));
                }
            }
            let expires = waiver.expires.as_ref().and_then(|text| {
                let date = text.parse().ok();
                if date.is_none() {
                    self.invalid(&format!("{path}.expires"), text, "expected a day as YYYY-MM-DD");
                }
                date
            });
            waivers.push(Waiver { path, reason: waiver.reason.clone(), expires });
        }
        (tests, waivers)
    }
}

/// The text that stands for the name of a test without one.
fn nameless(from: Option<&Endpoint>, to: Option<&Endpoint>, expectation: &Expectation) -> String {
    let text = |endpoint: Option<&Endpoint>| endpoint.map_or("", |endpoint| &endpoint.text).to_owned();
    match expectation {
        Expectation::Allow => format!("{} -> {} allow", text(from), text(to)),
        Expectation::Restricted => format!("{} -> {} restricted", text(from), text(to)),
        Expectation::Deny => format!("{} -> {} deny", text(from), text(to)),
        Expectation::Only(others) => {
            let others: Vec<&str> = others.iter().map(|endpoint| &*endpoint.text).collect();
            let others = if others.is_empty() { "nobody".to_owned() } else { others.join(", ") };
            match from {
                Some(from) => format!("{} reaches only {others}", from.text),
                None => format!("only {others} reaches {}", text(to)),
            }
        }
    }
}

/// An endpoint without a name, in a few words.
fn describe(set: &file::EndpointSet) -> String {
    let mut parts = Vec::new();
    let pods = set.pod_selector.as_ref().map(|selector| LabelQuery::of(selector).to_string());
    let namespaces = set.namespace_selector.as_ref().map(|selector| LabelQuery::of(selector).to_string());
    let within = match (&set.namespace, namespaces.as_deref()) {
        (Some(namespace), _) => format!(" of namespace {namespace}"),
        (None, Some("")) => " of all namespaces".to_owned(),
        (None, Some(labels)) => format!(" of namespaces {labels}"),
        (None, None) => String::new(),
    };
    match pods.as_deref() {
        Some("") | None if pods.is_some() || !within.is_empty() => parts.push(format!("all pods{within}")),
        Some(labels) => parts.push(format!("pods {labels}{within}")),
        None => {}
    }
    parts.extend(set.cidrs.iter().flat_map(|OneOrMany(all)| all.iter().cloned()));
    parts.extend(set.external.map(|External::Internet| "internet".to_owned()));
    parts.join(", ")
}
