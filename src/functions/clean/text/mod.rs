//! Text that was spoilt on its way, case, and the parts of names: `repair_text`, `proper_case`, `normalize_company`,
//! `split_chinese_name`, `family_name` and `given_name`.

mod chinese;
mod legal_forms;
mod mojibake;
mod parts;

pub(super) mod family_name;
pub(super) mod given_name;
pub(super) mod normalize_company;
pub(super) mod proper_case;
pub(super) mod repair_text;
pub(super) mod split_chinese_name;
