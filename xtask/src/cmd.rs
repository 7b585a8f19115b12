//! A command: a program with its arguments and environment.
//!
//! An error names the whole command line, ready to be pasted into a shell, and the exit status.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::print;

/// Time after which a quiet command first reports that it is still at work …
const FIRST_NOTE: Duration = Duration::from_secs(2);
/// … and the time between such reports afterwards.
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// Lines of a failed quiet command that are shown.
const LINES_SHOWN: usize = 60;

/// A command that was not started yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

impl Cmd {
    /// A program by its name or path.
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: Vec::new() }
    }

    /// Appends arguments.
    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs on our terminal.
    pub(crate) fn run(&self) -> Result<()> {
        let status = self.command().status().with_context(|| self.unstartable())?;
        self.judge(status)
    }

    /// Runs with standard output going to `out` as it comes, and appends it to `copy`, however the
    /// command ends.
    pub(crate) fn run_and_copy(&self, out: &mut impl Write, copy: &mut String) -> Result<()> {
        let mut child = self.spawn(self.command().stdout(Stdio::piped()))?;
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).with_context(|| format!("read `{self}`"))? > 0
            {
                out.write_all(&line).ok();
                copy.push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        let status = child.wait().with_context(|| format!("wait for `{self}`"))?;
        self.judge(status)
    }

    /// Standard output, if the program can be started and ends well.
    pub(crate) fn read(&self) -> Option<String> {
        let output = self.command().stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Standard output, whatever the exit status, if the program can be started.
    pub(crate) fn read_anyway(&self) -> Option<String> {
        let output = self.command().stdin(Stdio::null()).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs without showing the output: prints a line of progress now and then, and the end of the
    /// output only when the command fails.
    pub(crate) fn watch(&self, label: &str) -> Result<()> {
        let started = Instant::now();
        let mut child = self.spawn(
            self.command().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()),
        )?;
        let (sender, lines) = mpsc::channel();
        forward(child.stdout.take(), sender.clone());
        forward(child.stderr.take(), sender);

        let mut output: Vec<String> = Vec::new();
        let mut next_note = FIRST_NOTE;
        loop {
            match lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => output.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                // A daemon that the command left behind may hold its output open for ever.
                Err(RecvTimeoutError::Timeout) if child.try_wait()?.is_some() => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if started.elapsed() >= next_note {
                let last =
                    output.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
                let time = print::elapsed(started.elapsed());
                print::line(format_args!("  {label}: {time}, {}", last.unwrap_or("at work")));
                next_note = started.elapsed() + NOTE_EVERY;
            }
        }
        let status = child.wait().with_context(|| format!("wait for `{self}`"))?;
        if status.success() {
            print::line(format_args!("  {label}: done in {}", print::elapsed(started.elapsed())));
        } else {
            for line in output.iter().skip(output.len().saturating_sub(LINES_SHOWN)) {
                print::line(format_args!("  | {line}"));
            }
        }
        self.judge(status)
    }

    fn spawn(&self, command: &mut Command) -> Result<Child> {
        command.spawn().with_context(|| self.unstartable())
    }

    fn unstartable(&self) -> String {
        format!("`{self}` cannot be started")
    }

    fn judge(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!("`{self}` failed with {status}");
        }
        Ok(())
    }
}

/// Sends each line of `stream` from a thread of its own, until the stream or the receiver ends.
fn forward(stream: Option<impl Read + Send + 'static>, sender: Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        let chunks = BufReader::new(stream).split(b'\n').map_while(Result::ok);
        for chunk in chunks {
            if sender.send(String::from_utf8_lossy(&chunk).into_owned()).is_err() {
                return;
            }
        }
    });
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{}={} ", name.to_string_lossy(), quoted(value))?;
        }
        f.write_str(&quoted(&self.program))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// A word, quoted for a POSIX shell where necessary.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Cmd {
        Cmd::new("sh").args(["-c", script])
    }

    #[test]
    fn a_command_line_can_be_pasted_into_a_shell() {
        let cmd = Cmd::new("cargo").args(["test", "a b", "", "it's"]).env("RUNNER", "sudo -E");
        assert_eq!(cmd.to_string(), r"RUNNER='sudo -E' cargo test 'a b' '' 'it'\''s'");
    }

    #[test]
    fn a_failure_names_the_command_line_and_the_status() {
        let wanted = "`sh -c 'exit 3'` failed with exit status: 3";
        assert_eq!(shell("exit 3").run().unwrap_err().to_string(), wanted);
        assert_eq!(shell("exit 3").watch("three").unwrap_err().to_string(), wanted);
        let mut copy = String::new();
        let failed = shell("echo x; exit 3").run_and_copy(&mut Vec::new(), &mut copy);
        let wanted = "`sh -c 'echo x; exit 3'` failed with exit status: 3";
        assert_eq!(failed.unwrap_err().to_string(), wanted);
        assert_eq!(copy, "x\n");
        let missing = Cmd::new("/nonexistent/tool").run().unwrap_err();
        assert_eq!(missing.to_string(), "`/nonexistent/tool` cannot be started");
    }

    #[test]
    fn output_is_kept_even_when_it_is_not_utf8_or_lacks_a_newline() {
        let (mut out, mut copy) = (Vec::new(), String::new());
        shell(r"printf 'a\nb'").run_and_copy(&mut out, &mut copy).unwrap();
        shell(r"printf '\377'").run_and_copy(&mut out, &mut copy).unwrap();
        assert_eq!((out, copy.as_str()), (b"a\nb\xff".to_vec(), "a\nb\u{fffd}"));
    }

    #[test]
    fn only_read_anyway_accepts_a_failed_command() {
        assert_eq!(shell("echo x; exit 1").read(), None);
        assert_eq!(shell("echo x; exit 1").read_anyway().as_deref(), Some("x\n"));
        assert_eq!(shell("echo x").read().as_deref(), Some("x\n"));
        assert_eq!(Cmd::new("/nonexistent/tool").read_anyway(), None);
    }

    #[test]
    fn the_environment_reaches_the_command() {
        assert_eq!(shell("echo $EDGE_WORD").env("EDGE_WORD", "x").read().as_deref(), Some("x\n"));
    }
}
