//! What operators do with two numbers.

use crate::vector::ABSENT;

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Unless,
}

impl Operator {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "+" => Self::Add,
            "-" => Self::Sub,
            "*" => Self::Mul,
            "/" => Self::Div,
            "%" => Self::Mod,
            "^" => Self::Pow,
            "atan2" => Self::Atan2,
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            "and" => Self::And,
            "or" => Self::Or,
            _ => Self::Unless,
        }
    }

    pub(crate) fn compares(self) -> bool {
        self.holds(0.0, 0.0).is_some()
    }

    fn holds(self, a: f64, b: f64) -> Option<bool> {
        #[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
        match self {
            Self::Equal => Some(a == b),
            Self::NotEqual => Some(a != b),
            Self::Less => Some(a < b),
            Self::LessEqual => Some(a <= b),
            Self::Greater => Some(a > b),
            Self::GreaterEqual => Some(a >= b),
            _ => None,
        }
    }

    pub(crate) fn scalar(self, a: f64, b: f64) -> f64 {
        if let Some(holds) = self.holds(a, b) {
            return f64::from(u8::from(holds));
        }
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Mod => a % b,
            Self::Pow => a.powf(b),
            _ => a.atan2(b),
        }
    }

    /// A comparison without `bool` keeps `kept` where it holds.
    pub(crate) fn element(self, a: f64, b: f64, kept: f64, returns_bool: bool) -> f64 {
        match self.holds(a, b) {
            Some(true) if !returns_bool => kept,
            Some(false) if !returns_bool => ABSENT,
            _ => self.scalar(a, b),
        }
    }
}
