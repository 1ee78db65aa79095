//! Tests of tables.

use expect_test::expect;

use super::*;

const COLUMNS: [Column; 3] = [
    Column { head: "GPU", right: false, least: None },
    Column { head: "COMMAND", right: false, least: Some(6) },
    Column { head: "USE", right: true, least: None },
];

fn cell(text: &str) -> Cell {
    Cell { text: text.to_owned(), colour: Colour::Plain }
}

fn rows() -> Vec<Vec<Cell>> {
    vec![
        vec![cell("0"), cell("python train.py"), cell("97 %")],
        vec![cell("1"), cell("학습 실행기 하나"), cell("5 %")],
        vec![cell("2"), cell("a\nb\x1b[31m\u{202e}"), cell("")],
    ]
}

#[test]
fn cells_line_up_and_no_line_ends_in_blanks() {
    let look = Look { width: None, heads: true, coloured: false };
    expect![[r#"
        GPU  COMMAND                  USE
        0    python train.py         97 %
        1    학습 실행기 하나         5 %
        2    a\nb\u{1b}[31m\u{202e}
    "#]]
    .assert_eq(&render(&COLUMNS, &rows(), look));
}

#[test]
fn a_narrow_table_cuts_the_column_that_may_give() {
    let look = Look { width: Some(22), heads: false, coloured: false };
    let text = render(&COLUMNS, &rows(), look);
    expect![[r"
        0  python train…  97 %
        1  학습 실행기…    5 %
        2  a\nb\u{1b}[3…
    "]]
    .assert_eq(&text);
    assert!(text.lines().all(|line| line.width() <= 22));
}

#[test]
fn a_wide_character_is_never_cut_in_half() {
    for width in 0..12 {
        assert!(cut("가나다라마", width).width() <= width, "{width}");
    }
    assert_eq!(cut("가나다", 4), "가…");
    assert_eq!(cut("가나다", 5), "가나…");
}

#[test]
fn colours_do_not_change_the_widths() {
    let mut rows = rows();
    rows[0][1].colour = Colour::Warning;
    let look = Look { width: Some(40), heads: true, coloured: true };
    let text = render(&COLUMNS, &rows, look);
    let plain = text.replace("\x1b[33m", "").replace("\x1b[0m", "");
    let look = Look { coloured: false, ..look };
    assert!(text.contains("\x1b[33mpython train.py\x1b[0m"));
    assert_eq!(plain, render(&COLUMNS, &rows, look));
}
