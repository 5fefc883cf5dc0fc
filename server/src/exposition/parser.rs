//! From lines to events.

use super::{
    About, Event, Exemplar, Format, LabelText, Limits, ParseError, Sample,
    cursor::Cursor,
    error::Problem,
    metadata, number,
    series::{Item, next_item},
};

/// Reads a text, an event at a time. After an error there is nothing more.
#[derive(Debug, Clone)]
pub struct Parser<'a> {
    cursor: Cursor<'a>,
    format: Format,
    sample_limit: usize,
    samples: usize,
    /// The label of the present family whose value is a number.
    bound: &'static str,
    is_done: bool,
}

impl<'a> Parser<'a> {
    /// Of a body without compression. An error if it is no text.
    pub fn new(body: &'a [u8], format: Format, limits: Limits) -> Result<Self, ParseError> {
        let text = std::str::from_utf8(body).map_err(|error| {
            let before = body.get(..error.valid_up_to()).unwrap_or_default();
            Problem::NotUtf8.at(before.split(|byte| *byte == b'\n').count())
        })?;
        let cursor = Cursor::new(text);
        Ok(Self { cursor, format, sample_limit: limits.samples, samples: 0, bound: "", is_done: false })
    }

    fn next_event(&mut self) -> Result<Option<Event<'a>>, ParseError> {
        loop {
            if self.format == Format::Text {
                self.cursor.skip_blanks();
            }
            let line = self.cursor.line();
            let event = match (self.cursor.peek(), self.format) {
                (None, Format::Text) => return Ok(None),
                (None, Format::OpenMetrics) => Err(Problem::NoEof),
                (Some(b'\n'), Format::Text) => Ok(None),
                (Some(b'#'), Format::Text) => metadata::of_text(self.cursor.peek_line()),
                (Some(b'#'), Format::OpenMetrics) => {
                    if self.cursor.peek_line() == "# EOF" {
                        return self.end().map_err(|problem| problem.at(line));
                    }
                    metadata::of_open_metrics(self.cursor.peek_line()).map(Some)
                }
                _ => {
                    return self.sample().map(|sample| Some(Event::Sample(sample))).map_err(|problem| problem.at(line));
                }
            };
            let event = event.map_err(|problem| problem.at(line))?;
            self.cursor.skip_line();
            if let Some(metadata) = event {
                if let About::Kind(kind) = &metadata.about {
                    self.bound = kind.bound();
                }
                return Ok(Some(Event::Metadata(metadata)));
            }
        }
    }

    /// After `# EOF` there may be a line feed only.
    fn end(&mut self) -> Result<Option<Event<'a>>, Problem> {
        self.cursor.skip_line();
        if self.cursor.peek().is_none() { Ok(None) } else { Err(Problem::AfterEof) }
    }

    fn sample(&mut self) -> Result<Sample<'a>, Problem> {
        if self.samples == self.sample_limit {
            return Err(Problem::TooManySamples(self.sample_limit));
        }
        self.samples += 1;
        let series = self.series()?;
        let (value, timestamp_ms, exemplar) = match self.format {
            Format::Text => self.text_value()?,
            Format::OpenMetrics => self.open_metrics_value()?,
        };
        Ok(Sample { series, value, timestamp_ms, exemplar })
    }

    /// The name and the labels; the cursor then stands where the value may begin.
    fn series(&mut self) -> Result<LabelText<'a>, Problem> {
        let begin = self.cursor;
        let has_name = !self.cursor.name(true).is_empty();
        let after_name = self.cursor;
        if has_name && self.format == Format::Text {
            self.cursor.skip_blanks();
        }
        if self.cursor.peek() == Some(b'{') {
            self.braces(has_name)?;
        } else if has_name {
            self.cursor = after_name;
            if !matches!(self.cursor.peek(), Some(b' ' | b'\t' | b'\n') | None) {
                return Err(self.cursor.expected("a value, or labels in braces, after the name of a metric"));
            }
        } else {
            return Err(self.cursor.expected("the name of a metric, or a comment"));
        }
        Ok(self.labels_since(&begin, self.bound))
    }

    /// Labels in braces. There has to be one name, before them or among them.
    fn braces(&mut self, mut has_name: bool) -> Result<(), Problem> {
        self.cursor.eat(b'{');
        while let Some(item) = next_item(&mut self.cursor, self.format)? {
            if let Item::Name(_) = item {
                if has_name {
                    return Err(Problem::TwoNames);
                }
                has_name = true;
            }
        }
        if has_name { Ok(()) } else { Err(Problem::NoName) }
    }

    fn labels_since(&self, begin: &Cursor<'a>, bound: &'static str) -> LabelText<'a> {
        LabelText { text: self.cursor.since(begin), format: self.format, line: begin.line(), bound }
    }

    fn text_value(&mut self) -> Result<Rest<'a>, Problem> {
        self.cursor.skip_blanks();
        let value = self.value()?;
        self.cursor.skip_blanks();
        let mut timestamp_ms = None;
        if self.cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            timestamp_ms = Some(number::milliseconds(self.cursor.token(self.format))?);
            self.cursor.skip_blanks();
        }
        if !self.cursor.end_line() && self.cursor.peek().is_some() {
            // Exemplars, too, are in `OpenMetrics` only.
            return Err(self.cursor.expected("the end of the line or a timestamp in whole milliseconds"));
        }
        Ok((value, timestamp_ms, None))
    }

    fn open_metrics_value(&mut self) -> Result<Rest<'a>, Problem> {
        self.blank()?;
        let value = self.value()?;
        let (mut timestamp_ms, mut exemplar) = (None, None);
        if self.cursor.peek() == Some(b' ') && !self.is_exemplar() {
            timestamp_ms = self.seconds()?;
        }
        if self.is_exemplar() {
            exemplar = Some(self.exemplar()?);
        }
        if self.cursor.end_line() {
            return Ok((value, timestamp_ms, exemplar));
        }
        Err(if self.cursor.peek().is_none() { Problem::NoEof } else { self.cursor.expected("the end of the line") })
    }

    fn is_exemplar(&self) -> bool {
        self.cursor.rest().starts_with(" # {")
    }

    fn exemplar(&mut self) -> Result<Exemplar<'a>, Problem> {
        for byte in *b" # " {
            self.cursor.eat(byte);
        }
        let begin = self.cursor;
        self.cursor.eat(b'{');
        while let Some(item) = next_item(&mut self.cursor, self.format)? {
            if let Item::Name(_) = item {
                return Err(begin.expected("labels of an exemplar, each with a value"));
            }
        }
        let text = self.labels_since(&begin, "");
        self.blank()?;
        let value = self.value()?;
        let timestamp_ms = if self.cursor.peek() == Some(b' ') { self.seconds()? } else { None };
        Ok(Exemplar { text, value, timestamp_ms })
    }

    fn blank(&mut self) -> Result<(), Problem> {
        if self.cursor.eat(b' ') { Ok(()) } else { Err(self.cursor.expected("a blank and a value")) }
    }

    fn value(&mut self) -> Result<f64, Problem> {
        let begin = self.cursor;
        let token = self.cursor.token(self.format);
        if token.is_empty() { Err(begin.expected("a value")) } else { number::value(token) }
    }

    fn seconds(&mut self) -> Result<Option<i64>, Problem> {
        self.cursor.eat(b' ');
        number::seconds(self.cursor.token(self.format)).map(Some)
    }
}

/// What follows the name and the labels.
type Rest<'a> = (f64, Option<i64>, Option<Exemplar<'a>>);

impl<'a> Iterator for Parser<'a> {
    type Item = Result<Event<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let event = self.next_event().transpose();
        self.is_done = !matches!(event, Some(Ok(_)));
        event
    }
}

impl std::iter::FusedIterator for Parser<'_> {}
