//! Values for serde, as they are read.

use std::borrow::Cow;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::{Node, Pairs, Reader, Result, Written};
use crate::k8s::Passed;
use crate::load::de::Declined;
use crate::load::scalar::{Scalar, is_null, is_word};
use crate::load::slip::{LastKey, Type};

/// A value, for serde.
pub(super) struct Value<'r, 't> {
    pub(super) reader: &'r mut Reader<'t>,
    pub(super) node: Node<'t>,
}

impl<'t> Value<'_, 't> {
    fn scalar(&self) -> Result<Scalar<'t>> {
        match self.node {
            Node::Null => Ok(Scalar::Null),
            Node::Scalar(written) => written.scalar(),
            Node::Map(_) | Node::Seq(_) => Err(Declined),
        }
    }

    /// True if it is a string, in one or several pieces.
    fn is_string(&self) -> Result<bool> {
        Ok(match self.node {
            Node::Scalar(Written::Quoted(_) | Written::Pieces) => true,
            _ => matches!(self.scalar()?, Scalar::String(_)),
        })
    }

    #[inline]
    fn text(&self) -> Result<&'t str> {
        if let Node::Scalar(Written::Plain(text)) = self.node
            && is_word(text)
        {
            return Ok(text);
        }
        match self.scalar()? {
            Scalar::String(Cow::Borrowed(text)) => Ok(text),
            _ => Err(Declined),
        }
    }
}

impl<'de> Value<'_, 'de> {
    /// Visits the mapping that it is, which is of this type.
    #[inline]
    fn pairs<V: Visitor<'de>>(self, of: Option<Type>, visitor: V) -> Result<V::Value> {
        let Node::Map(pairs) = self.node else { return Err(Declined) };
        self.reader.enter()?;
        let mut map = Map { reader: self.reader, pairs, of, ended: false };
        let value = visitor.visit_map(&mut map)?;
        let Map { reader, ended, .. } = map;
        reader.depth -= 1;
        if ended { Ok(value) } else { Err(Declined) }
    }
}

// Each method goes to the one method of the visitor that can take the value: see `super::de`.
impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = Declined;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Node::Map(_) = self.node {
            return self.deserialize_map(visitor);
        }
        if let Node::Seq(_) = self.node {
            return self.deserialize_seq(visitor);
        }
        match self.scalar()? {
            Scalar::Null => visitor.visit_unit(),
            Scalar::Bool(value) => visitor.visit_bool(value),
            Scalar::Int(value) => visitor.visit_i64(value),
            Scalar::Float(value) => visitor.visit_f64(value),
            Scalar::String(text) => visitor.visit_str(&text),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.node {
            Node::Null => visitor.visit_none(),
            Node::Scalar(Written::Plain(text)) if is_null(text) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.scalar()? {
            Scalar::Bool(value) => visitor.visit_bool(value),
            _ => Err(Declined),
        }
    }

    #[inline]
    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.scalar()? {
            Scalar::Int(value) => visitor.visit_i64(value),
            _ => Err(Declined),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Node::Seq(level) = self.node else { return Err(Declined) };
        self.reader.enter()?;
        let mut seq = Seq { reader: self.reader, level, ended: false };
        let value = visitor.visit_seq(&mut seq)?;
        let Seq { reader, ended, .. } = seq;
        reader.depth -= 1;
        if ended { Ok(value) } else { Err(Declined) }
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.pairs(None, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.pairs(Some(Type::new(name, fields)), visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name == Passed::NAME {
            return if self.is_string()? { visitor.visit_unit() } else { Err(Declined) };
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.text()?))
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if !self.reader.key.passes() {
            return Err(Declined);
        }
        self.reader.skip(self.node)?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier
    }
}

/// The pairs of a mapping, for serde; whoever visits them must come to the end.
pub(super) struct Map<'r, 't> {
    pub(super) reader: &'r mut Reader<'t>,
    pub(super) pairs: Pairs<'t>,
    pub(super) of: Option<Type>,
    pub(super) ended: bool,
}

impl<'t> MapAccess<'t> for &mut Map<'_, 't> {
    type Error = Declined;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'t>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        match self.reader.next_key(&mut self.pairs)? {
            None => {
                self.ended = true;
                Ok(None)
            }
            Some(key) => match key.key()? {
                Cow::Borrowed(key) => {
                    self.reader.key = LastKey::new(self.of, key);
                    seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
                }
                Cow::Owned(key) if self.of.is_some_and(|of| !of.passes(&key)) => Err(Declined),
                Cow::Owned(key) => {
                    self.reader.key = LastKey::default();
                    seed.deserialize(StringDeserializer::new(key)).map(Some)
                }
            },
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value> {
        let node = self.reader.value(self.pairs.level, true)?;
        seed.deserialize(Value { reader: self.reader, node })
    }
}

/// The elements of a sequence, for serde.
struct Seq<'r, 't> {
    reader: &'r mut Reader<'t>,
    level: usize,
    ended: bool,
}

impl<'t> SeqAccess<'t> for &mut Seq<'_, 't> {
    type Error = Declined;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'t>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if !self.reader.next_element(self.level)? {
            self.ended = true;
            return Ok(None);
        }
        let node = self.reader.value(self.level, false)?;
        seed.deserialize(Value { reader: self.reader, node }).map(Some)
    }
}
