//! The texts of a block of log records, unpacked when they are first asked for.

use app::model::{LogId, LogRecord};

use super::{
    block::{LogBlock, StoredAttributes},
    messages::Messages,
};
use crate::store::{StoreResult, column::damaged};

/// Messages and attributes of a block.
pub struct BlockTexts<'a> {
    block: &'a LogBlock<'a>,
    messages: Option<Messages>,
    attributes: Option<StoredAttributes>,
    put_together: usize,
}

impl<'a> BlockTexts<'a> {
    /// Of this block; nothing is unpacked yet.
    pub fn new(block: &'a LogBlock<'a>) -> Self {
        Self { block, messages: None, attributes: None, put_together: 0 }
    }

    /// How many records there are.
    pub fn records(&self) -> usize {
        self.block.records()
    }

    /// The messages.
    pub fn messages(&mut self) -> StoreResult<&Messages> {
        self.unpack_joined()?;
        let unpacked = match self.messages.take() {
            Some(messages) => messages,
            None => self.block.messages()?,
        };
        Ok(self.messages.insert(unpacked))
    }

    /// The attributes.
    pub fn attributes(&mut self) -> StoreResult<&StoredAttributes> {
        self.unpack_joined()?;
        let unpacked = match self.attributes.take() {
            Some(attributes) => attributes,
            None => self.block.attributes()?,
        };
        Ok(self.attributes.insert(unpacked))
    }

    /// Both at once, where they are stored together.
    fn unpack_joined(&mut self) -> StoreResult<()> {
        if self.messages.is_none()
            && self.attributes.is_none()
            && let Some((messages, attributes)) = self.block.joined()?
        {
            self.messages = Some(messages);
            self.attributes = Some(attributes);
        }
        Ok(())
    }

    /// Counts bytes of texts that were put together of what is unpacked.
    pub fn put_together(&mut self, bytes: usize) {
        self.put_together += bytes;
    }

    /// Bytes of what was unpacked and put together so far.
    pub fn effort(&self) -> usize {
        self.messages.as_ref().map_or(0, Messages::size)
            + self.attributes.as_ref().map_or(0, StoredAttributes::size)
            + self.put_together
    }

    /// A whole record of the block, whose first record has this id.
    pub fn record(&mut self, index: usize, first_id: LogId) -> StoreResult<LogRecord> {
        let (mut message, mut json) = (String::new(), String::new());
        self.messages()?.write(index, &mut message);
        self.attributes()?.write(index, &mut json);
        let attributes = if json.is_empty() { Ok(serde_json::Map::new()) } else { serde_json::from_str(&json) };
        let (trace_id, span_id) = self.block.ids(index)?;
        Ok(LogRecord {
            id: LogId(first_id.0 + index as i64),
            timestamp: self.block.times[index],
            level: self.block.levels[index],
            service: self.block.service(index).to_owned(),
            message,
            trace_id,
            span_id,
            attributes: attributes.map_err(|error| damaged(&format!("attributes: {error}")))?,
        })
    }
}
