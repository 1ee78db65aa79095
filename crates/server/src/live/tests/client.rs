//! A client of the stream, as the pages are one: it holds a snapshot and applies events to it.

use serde_json::{Map, Value, json};

#[derive(Debug, Default)]
pub(super) struct Client {
    held: Value,
}

impl Client {
    pub(super) fn rev(&self) -> Option<u64> {
        self.held["rev"].as_u64()
    }

    pub(super) fn take(&mut self, name: &str, data: &[u8]) {
        let data: Value = serde_json::from_slice(data).unwrap();
        match name {
            "full" | "structure" => self.held = data,
            "cells" => self.apply(data.as_object().unwrap()),
            other => panic!("event {other}"),
        }
    }

    fn apply(&mut self, event: &Map<String, Value>) {
        for (key, part) in event {
            match key.as_str() {
                "rev" | "at" => self.held[key] = part.clone(),
                "dict" => self.extend(part),
                "gpu" | "mig" | "session" => self.set(key, part),
                "failed" => self.fail(part),
                "replace" => {}
                other => panic!("key {other}"),
            }
        }
        for (key, part) in event.get("replace").and_then(Value::as_object).into_iter().flatten() {
            self.held[key] = part.clone();
        }
    }

    fn extend(&mut self, dicts: &Value) {
        for (name, texts) in dicts.as_object().unwrap() {
            let held = self.held["dict"][name].as_array_mut().unwrap();
            held.extend(texts.as_array().unwrap().iter().cloned());
        }
    }

    fn set(&mut self, table: &str, columns: &Value) {
        for (name, changes) in columns.as_object().unwrap() {
            for change in changes.as_array().unwrap() {
                let row = usize::try_from(change[0].as_u64().unwrap()).unwrap();
                self.held[table][name][row] = change[1].clone();
            }
        }
    }

    fn fail(&mut self, lists: &Value) {
        let held = self.held["failed"].as_object_mut().unwrap();
        for (key, list) in lists.as_object().unwrap() {
            if *list == json!([]) {
                held.remove(key);
            } else {
                held.insert(key.clone(), list.clone());
            }
        }
    }

    /// Whether it holds what the server would send now.
    pub(super) fn equals(&self, whole: &Value) {
        for (key, part) in whole.as_object().unwrap() {
            assert_eq!(self.held[key], *part, "{key}");
        }
    }
}
