//! The names of DCGM's fields: those of its classic headers, the lower-case ones of DCGM 1.x, and
//! the newer aliases. Inside, a field is its number; a name only leads to it.
//!
//! The table `names.tsv` holds facts of NVIDIA's headers. Rows that gpulse reads are in
//! [`super::ROWS`]; this says of the others why they are not.

/// One line per field: number, who has it, its names.
const TABLE: &str = include_str!("names.tsv");

/// Who has a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// NVML, or its GPM.
    Nvml,
    /// DCGM alone.
    Dcgm,
    /// Its value is a block of bytes, which no text format can show.
    Binary,
}

impl Origin {
    /// Why a field that gpulse does not read has no value, as `gpulse_field_supported` says it.
    #[must_use]
    pub const fn lack(self) -> &'static str {
        match self {
            Self::Nvml => "not_read",
            Self::Dcgm => "needs_dcgm",
            Self::Binary => "binary",
        }
    }
}

/// A field that a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// DCGM's number.
    pub number: u16,
    /// Who has it.
    pub origin: Origin,
}

/// Families of dcgm-exporter's own, by numbers that nothing outside sees.
const OF_THE_EXPORTER: [(&str, Field); 5] = [
    ("DCGM_EXP_XID_ERRORS_COUNT", made(super::XID_COUNT, Origin::Nvml)),
    ("DCGM_EXP_CLOCK_EVENTS_COUNT", made(super::CLOCK_EVENTS, Origin::Nvml)),
    ("DCGM_EXP_GPU_HEALTH_STATUS", made(9003, Origin::Dcgm)),
    ("DCGM_EXP_P2P_STATUS", made(super::P2P_STATUS, Origin::Nvml)),
    ("DCGM_EXP_XID_ERRORS_TOTAL", made(super::XID_TOTAL, Origin::Nvml)),
];

const fn made(number: u16, origin: Origin) -> Field {
    Field { number, origin }
}

/// The field of that name, in whichever generation it had it.
#[must_use]
pub fn field_named(name: &str) -> Option<Field> {
    if let Some((_, field)) = OF_THE_EXPORTER.iter().find(|(own, _)| *own == name) {
        return Some(*field);
    }
    if let Some(row) = super::position(name).map(|place| &super::ROWS[place]) {
        return Some(Field { number: row.field, origin: Origin::Nvml });
    }
    fields().find(|(_, names)| names.split(' ').any(|known| known == name)).map(|(field, _)| field)
}

/// All fields of DCGM with their names.
pub fn fields() -> impl Iterator<Item = (Field, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (number, rest) = line.split_once('\t')?;
        let (origin, names) = rest.split_once('\t')?;
        let origin = match origin {
            "nvml" => Origin::Nvml,
            "dcgm" => Origin::Dcgm,
            _ => Origin::Binary,
        };
        Some((Field { number: number.parse().ok()?, origin }, names))
    })
}
