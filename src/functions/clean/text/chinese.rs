//! Chinese names: where the family name ends.

use crate::functions::clean::characters::tidy;

/// Family names of two characters, simplified and traditional.
const COMPOUND: &[&str] = &[
    "欧阳",
    "歐陽",
    "太史",
    "端木",
    "上官",
    "司马",
    "司馬",
    "东方",
    "東方",
    "独孤",
    "獨孤",
    "南宫",
    "南宮",
    "万俟",
    "萬俟",
    "闻人",
    "聞人",
    "夏侯",
    "诸葛",
    "諸葛",
    "尉迟",
    "尉遲",
    "公羊",
    "赫连",
    "赫連",
    "澹台",
    "澹臺",
    "皇甫",
    "宗政",
    "濮阳",
    "濮陽",
    "公冶",
    "太叔",
    "申屠",
    "公孙",
    "公孫",
    "慕容",
    "仲孙",
    "仲孫",
    "钟离",
    "鍾離",
    "长孙",
    "長孫",
    "宇文",
    "司徒",
    "鲜于",
    "鮮于",
    "司空",
    "闾丘",
    "閭丘",
    "子车",
    "子車",
    "亓官",
    "司寇",
    "巫马",
    "巫馬",
    "公西",
    "颛孙",
    "顓孫",
    "壤驷",
    "壤駟",
    "公良",
    "漆雕",
    "乐正",
    "樂正",
    "宰父",
    "谷梁",
    "榖梁",
    "拓跋",
    "夹谷",
    "夾谷",
    "轩辕",
    "軒轅",
    "令狐",
    "段干",
    "百里",
    "呼延",
    "东郭",
    "東郭",
    "南门",
    "南門",
    "羊舌",
    "微生",
    "梁丘",
    "左丘",
    "东门",
    "東門",
    "西门",
    "西門",
    "第五",
    "纳兰",
    "納蘭",
    "叶赫",
    "葉赫",
    "完颜",
    "完顏",
    "耶律",
    "贺兰",
    "賀蘭",
    "爱新觉罗",
    "愛新覺羅",
];

/// Family names of one character, simplified and traditional, the usual ones first.
const SINGLE: &str = "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何林高罗羅郑鄭梁谢謝宋唐许許邓鄧冯馮韩韓曹曾彭萧蕭\
肖蔡潘田董袁于於余馀叶葉蒋蔣杜苏蘇魏程吕呂丁沈任姚卢盧傅钟鍾鐘姜崔谭譚廖范範汪陆陸金石戴贾賈韦韋夏邱方侯邹鄒熊孟秦白江\
阎閻薛尹段雷黎史龙龍陶贺賀顾顧毛郝龚龔邵万萬钱錢严嚴覃武戚莫孔向汤湯温溫康施文牛樊葛邢安齐齊易乔喬伍庞龐颜顏倪庄莊聂聶\
章鲁魯岳嶽翟殷詹申欧歐耿关關兰蘭焦俞左柳甘祝包宁寧尚符舒阮柯纪紀梅童凌毕畢单單季裴霍涂塗成苗谷盛曲翁冉骆駱蓝藍路游遊辛\
靳欧管柴蒙鲍鮑华華喻祁蒲房滕屈饶饒解牟艾尤阳陽时時穆农農司卓古吉缪繆简簡车車项項连連芦蘆麦麥褚娄婁窦竇戚岑景党黨宫宮费費\
卜冷晏席卫衛米柏宗瞿桂全佟应應臧闵閔苟邬鄔边邊卞姬师師和仇栾欒隋商刁沙荣榮巫寇桑郎甄丛叢仲虞敖巩鞏明佘池查麻苑迟遲邝鄺官\
封谈談匡鞠惠荆荊乐樂冀郁胥南班储儲原栗燕楚鄢劳勞谌諶奚皮粟冼蔺藺楼樓盘盤满滿闻聞位厉厲伊仝区區郜海阚闞花权權强強帅帥\
屠豆朴樸盖蓋练練廉禹井祖漆巴丰豐支卿国國狄平计計索宣晋晉相初门門云雲容敬来來扈晁芮都普阙闕戈伏鹿薄邸雍辜阿羊母裘亓修邰\
赫杭况況那宿鲜鮮印逯隆茹诺諾战戰慕危玉银銀亢嵇公哈湛宾賓戎勾茅利於居揭干但尉斯元束檀衣信展阴陰昝智幸奉植衡富尧堯闭閉由";

/// The family name and the given name of a person whose name is all Chinese characters. None when it is not, or has no
/// known family name, or could be parted in more than one way.
pub(super) fn split(text: &str) -> Option<(String, String)> {
    let tidy = tidy(text);
    let mut words = tidy.split(' ');
    let (first, second) = (words.next()?, words.next());
    if words.next().is_some() || !tidy.chars().all(|c| c == ' ' || is_han(c)) {
        return None;
    }
    if let Some(given) = second {
        // Whoever wrote the space has parted it.
        let known = is_single(first) || COMPOUND.contains(&first) || is_double(first);
        let fits = known && (1..=3).contains(&given.chars().count());
        return fits.then(|| (first.to_string(), given.to_string()));
    }
    let characters = first.chars().count();
    let longest = COMPOUND.iter().filter(|name| first.starts_with(**name)).max_by_key(|name| name.len());
    let length = match longest {
        Some(name) if characters > name.chars().count() => name.chars().count(),
        _ => {
            let two: String = first.chars().take(2).collect();
            let one: String = first.chars().take(1).collect();
            match characters {
                // The family name of a husband before one's own.
                4 if is_double(&two) => 2,
                2 | 3 if is_single(&one) => 1,
                _ => return None,
            }
        }
    };
    let given: String = first.chars().skip(length).collect();
    let family: String = first.chars().take(length).collect();
    (1..=3).contains(&given.chars().count()).then_some((family, given))
}

/// Whether a character is Chinese, without kana and Hangul.
pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFD}')
}

fn is_single(name: &str) -> bool {
    let mut characters = name.chars();
    matches!((characters.next(), characters.next()), (Some(c), None) if SINGLE.contains(c))
}

fn is_double(name: &str) -> bool {
    name.chars().count() == 2 && name.chars().all(|c| SINGLE.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parted() {
        for (text, parts) in [
            ("张伟", Some(("张", "伟"))),
            ("張 偉", Some(("張", "偉"))),
            ("王小明", Some(("王", "小明"))),
            ("欧阳娜娜", Some(("欧阳", "娜娜"))),
            ("司马光", Some(("司马", "光"))),
            ("歐陽　修", Some(("歐陽", "修"))),
            ("欧阳", Some(("欧", "阳"))),
            ("范徐丽泰", Some(("范徐", "丽泰"))),
            ("爱新觉罗溥仪", Some(("爱新觉罗", "溥仪"))),
            ("阿凡提·买买提", None),
            ("王", None),
            ("张伟 ZHANG", None),
            ("囍囍", None),
            ("", None),
        ] {
            let expected = parts.map(|(family, given)| (family.to_string(), given.to_string()));
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
