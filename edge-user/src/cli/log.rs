//! The log of a running node: lines on stderr.
//!
//! If stderr is the journal, a line begins with its priority (sd-daemon(3)) and has no time, which
//! the journal has. Otherwise it begins with the time and the level. Events of other crates have
//! their target in front, since their words alone don't say what they are about.

use std::env;
use std::fmt;
use std::io::IsTerminal as _;

use anyhow::bail;
use rustix::fs::fstat;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{self, FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, Layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What the targets of our own crates begin with.
const OWN: &str = "edge_";

/// Starts the log.
///
/// # Errors
/// When `$RUST_LOG` can't be read.
pub(super) fn start() -> anyhow::Result<()> {
    let filter = filter(env::var_os("RUST_LOG").map(|text| text.to_string_lossy().into_owned()))?;
    let form = Form::of(&Environment::read());
    let lines = Layer::default()
        .with_writer(std::io::stderr)
        .with_ansi(form == Form::Coloured)
        .event_format(Lines::new(form));
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    Ok(())
}

/// A line on stderr that isn't an event of the log, with its priority if stderr is the journal.
pub(super) fn line(level: Level, text: &str) -> String {
    match Form::of(&Environment::read()) {
        Form::Journal => journal_lines(level, text),
        Form::Plain | Form::Coloured => format!("{text}\n"),
    }
}

/// What decides how a line looks.
#[derive(Clone, Debug, Default)]
struct Environment {
    /// `$JOURNAL_STREAM`: device and inode of the stream that systemd made for the journal.
    journal_stream: Option<String>,
    /// Device and inode of stderr.
    stderr: Option<(u64, u64)>,
    is_terminal: bool,
    /// `$NO_COLOR`: with any text in it, nobody wants colours (<https://no-color.org>).
    no_color: Option<String>,
    /// `$TERM`.
    term: Option<String>,
}

impl Environment {
    fn read() -> Self {
        let text = |name| env::var_os(name).map(|text| text.to_string_lossy().into_owned());
        let stderr = std::io::stderr();
        Self {
            journal_stream: text("JOURNAL_STREAM"),
            stderr: fstat(&stderr).ok().map(|stat| (stat.st_dev, stat.st_ino)),
            is_terminal: stderr.is_terminal(),
            no_color: text("NO_COLOR"),
            term: text("TERM"),
        }
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Journal,
    Plain,
    Coloured,
}

impl Form {
    /// The variable stays when stderr is sent elsewhere: only both together are the journal.
    fn of(environment: &Environment) -> Self {
        let stream = environment.journal_stream.as_deref().and_then(|text| text.split_once(':'));
        let numbers = stream.and_then(|(device, inode)| {
            Some((device.parse::<u64>().ok()?, inode.parse::<u64>().ok()?))
        });
        if numbers.is_some() && numbers == environment.stderr {
            return Self::Journal;
        }
        let wants_none = environment.no_color.as_deref().is_some_and(|text| !text.is_empty());
        let is_dumb = environment.term.as_deref() == Some("dumb");
        if environment.is_terminal && !wants_none && !is_dumb {
            Self::Coloured
        } else {
            Self::Plain
        }
    }
}

/// What is logged, by `$RUST_LOG`: levels and `TARGET=LEVEL`, with commas between them. Without it:
/// INFO and above of our own crates, WARN and above of the others.
fn filter(rust_log: Option<String>) -> anyhow::Result<Targets> {
    let text = rust_log.unwrap_or_default();
    if text.trim().is_empty() {
        return Ok(Targets::new().with_default(Level::WARN).with_target(OWN, Level::INFO));
    }
    let mut targets = Targets::new();
    for directive in text.split(',').map(str::trim) {
        let (target, level) = match directive.split_once('=') {
            Some((target, level)) => (Some(target), level),
            None => (None, directive),
        };
        // The crate takes an empty text for a level.
        let parsed = level.parse::<LevelFilter>().ok().filter(|_| !level.is_empty());
        let Some(level) = parsed else {
            bail!(
                "RUST_LOG={text}: {directive:?} is neither a level (error, warn, info, debug, \
                 trace, off) nor TARGET=LEVEL"
            );
        };
        targets = match target {
            Some(target) => targets.with_target(target, level),
            None => targets.with_default(level),
        };
    }
    Ok(targets)
}

/// The priority of syslog(3) that a level has.
const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// The journal makes an entry of each line, so each has the priority in front.
fn journal_lines(level: Level, text: &str) -> String {
    text.lines().map(|line| format!("<{}>{line}\n", priority(level))).collect()
}

/// Writes events as lines.
struct Lines {
    form: Form,
    own: format::Format,
    others: format::Format,
}

impl Lines {
    fn new(form: Form) -> Self {
        Self { form, own: format::Format::default().with_target(false), others: format::format() }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (target, level) = (event.metadata().target(), *event.metadata().level());
        let is_own = target.starts_with(OWN);
        if self.form != Form::Journal {
            let format = if is_own { &self.own } else { &self.others };
            return format.format_event(context, writer, event);
        }
        let mut text = if is_own { String::new() } else { format!("{target}: ") };
        context.format_fields(Writer::new(&mut text), event)?;
        writer.write_str(&journal_lines(level, &text))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use tracing::{Level, debug, error, info, warn};
    use tracing_subscriber::Layer as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::{Environment, Form, Layer, Lines, filter};

    /// A terminal whose stderr has this device and inode.
    fn terminal() -> Environment {
        Environment {
            stderr: Some((8, 4711)),
            is_terminal: true,
            term: Some("xterm".into()),
            ..Environment::default()
        }
    }

    #[test]
    fn stderr_is_the_journal_only_if_the_streams_numbers_are_its_own() {
        let form = |stream: &str| {
            Form::of(&Environment { journal_stream: Some(stream.into()), ..terminal() })
        };
        assert_eq!(form("8:4711"), Form::Journal);
        for other in ["8:4712", "9:4711", "8", "", "8:", "a:b", "8:4711:1"] {
            assert_eq!(form(other), Form::Coloured, "{other}");
        }
        let closed = Environment { stderr: None, journal_stream: Some("8:x".into()), ..terminal() };
        assert_eq!(Form::of(&closed), Form::Coloured);
    }

    #[test]
    fn colours_are_for_terminals_whose_user_wants_them() {
        assert_eq!(Form::of(&terminal()), Form::Coloured);
        let no_term = Environment { term: None, ..terminal() };
        assert_eq!(Form::of(&no_term), Form::Coloured);
        let unset = Environment { no_color: Some(String::new()), ..terminal() };
        assert_eq!(Form::of(&unset), Form::Coloured);
        for plain in [
            Environment { is_terminal: false, ..terminal() },
            Environment { no_color: Some("1".into()), ..terminal() },
            Environment { term: Some("dumb".into()), ..terminal() },
        ] {
            assert_eq!(Form::of(&plain), Form::Plain, "{plain:?}");
        }
    }

    #[test]
    fn other_crates_are_logged_from_warn_on_unless_rust_log_has_more() {
        for none in [None, Some(String::new()), Some(" ".to_owned())] {
            let targets = filter(none).unwrap();
            assert!(targets.would_enable("edge_user::node", &Level::INFO));
            assert!(!targets.would_enable("edge_user::node", &Level::DEBUG));
            assert!(targets.would_enable("async_nats", &Level::WARN));
            assert!(!targets.would_enable("async_nats", &Level::INFO));
        }
        let targets = filter(Some("warn, async_nats=debug".into())).unwrap();
        assert!(targets.would_enable("async_nats::client", &Level::DEBUG));
        assert!(!targets.would_enable("edge_user::node", &Level::INFO));
        assert!(!filter(Some("off".into())).unwrap().would_enable("edge_user", &Level::ERROR));
    }

    #[test]
    fn a_wrong_rust_log_is_named_with_its_wrong_part() {
        for (text, part) in [
            ("nonsense", "nonsense"),
            ("info,edge_user=loud", "edge_user=loud"),
            ("info,", ""),
            ("a=b=info", "a=b=info"),
        ] {
            let error = filter(Some(text.into())).unwrap_err().to_string();
            let wanted = format!("RUST_LOG={text}: {part:?} is neither a level");
            assert!(error.starts_with(&wanted), "{error}");
        }
    }

    /// What is written to it.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `events` are in this form.
    fn written(form: Form, events: impl FnOnce()) -> String {
        let written = Written::default();
        let to = written.clone();
        let lines = Layer::default()
            .with_writer(move || to.clone())
            .with_ansi(form == Form::Coloured)
            .event_format(Lines::new(form))
            .with_filter(filter(Some("trace".into())).unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), events);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn in_the_journal_each_line_has_a_priority_and_no_time() {
        let text = written(Form::Journal, || {
            error!("first\nsecond");
            warn!(target: "async_nats", "event: {}", "slow");
            info!("ready");
            debug!("details");
        });
        let wanted = "<3>first\n<3>second\n<4>async_nats: event: slow\n<6>ready\n<7>details\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn elsewhere_a_line_has_time_and_level_and_the_target_of_another_crate() {
        let text = written(Form::Plain, || {
            info!("own");
            warn!(target: "async_nats", "foreign");
        });
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("20") && lines[0].ends_with("Z  INFO own"), "{text}");
        assert!(lines[1].ends_with("Z  WARN async_nats: foreign"), "{text}");
        let text = written(Form::Coloured, || info!("own"));
        assert!(text.contains("\u{1b}["), "{text}");
    }
}
