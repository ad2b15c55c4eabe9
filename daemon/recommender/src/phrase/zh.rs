//! Chinese, in simplified characters.

use super::{Phrase, listed};
use crate::event::EventType;
use crate::modality::Modality;

pub(super) fn text(phrase: Phrase<'_>) -> String {
    match phrase {
        Phrase::Done(done) => format!("你{}它", past(done)),
        Phrase::Like { label: Some(label), title, done, .. } => {
            format!("{label}，与你{}的《{title}》相似", past(done))
        }
        Phrase::Like { label: None, title, done, for_it: true } => {
            format!("因为你{}《{title}》", past(done))
        }
        Phrase::Like { label: None, title, done, for_it: false } => {
            format!("与你{}的《{title}》相似", past(done))
        }
        Phrase::Resembles(Modality::Text, title) => format!("文字与《{title}》相似"),
        Phrase::Resembles(Modality::Image, title) => format!("画面与《{title}》相似"),
        Phrase::Resembles(Modality::Audio, title) => format!("声音与《{title}》相似"),
        Phrase::Resembles(Modality::Video, title) => format!("影像与《{title}》相似"),
        Phrase::LikesTag(tag) => format!("你喜欢{tag}"),
        Phrase::LikesTags => "你喜欢它的标签".to_owned(),
        Phrase::AvoidsTag(tag) => format!("你回避{tag}"),
        Phrase::AvoidsTags => "你回避它的标签".to_owned(),
        Phrase::OftenKind(kind) => format!("你常选{kind}"),
        Phrase::SeldomKind(kind) => format!("你很少选{kind}"),
        Phrase::Akin => "家中与你口味相近的人喜欢".to_owned(),
        Phrase::LikeAkin => "与家中口味相近的人喜欢的内容相似".to_owned(),
        Phrase::Popular => "在家中受欢迎".to_owned(),
        Phrase::NewThisWeek => "本周新出".to_owned(),
        Phrase::RatherNew => "比较新".to_owned(),
        Phrase::NewlyAdded => "新加入".to_owned(),
        Phrase::Circumstance { often, kind, name, value } => {
            let often = if often { "常" } else { "很少" };
            let when = match (name, value) {
                ("daypart", "morning") => "早上",
                ("daypart", "afternoon") => "下午",
                ("daypart", "evening") => "晚上",
                ("daypart", "night") => "夜里",
                ("daytype", "workday") => "工作日",
                ("daytype", "weekend") => "周末",
                ("weekday", "monday") => "周一",
                ("weekday", "tuesday") => "周二",
                ("weekday", "wednesday") => "周三",
                ("weekday", "thursday") => "周四",
                ("weekday", "friday") => "周五",
                ("weekday", "saturday") => "周六",
                ("weekday", "sunday") => "周日",
                ("season", "mar-may") => "每年三至五月",
                ("season", "jun-aug") => "每年六至八月",
                ("season", "sep-nov") => "每年九至十一月",
                ("season", "dec-feb") => "每年十二月至二月",
                _ => return format!("{name}为{value}时你{often}选{kind}"),
            };
            format!("{when}你{often}选{kind}")
        }
        Phrase::Circumstances => "符合当前情境".to_owned(),
        Phrase::Ignored => "最近展示过但未被选择".to_owned(),
        Phrase::Query(part, asked) => {
            let part = match part {
                Some(Modality::Image) => "画面",
                Some(Modality::Audio) => "声音",
                Some(Modality::Video) => "影像",
                Some(Modality::Text) | None => "",
            };
            match asked {
                Some(asked) => format!("{part}符合“{asked}”"),
                None => format!("{part}符合你的请求"),
            }
        }
        Phrase::LikeThis { label: Some(label), title } => format!("{label}，与《{title}》相似"),
        Phrase::LikeThis { label: None, title } => format!("与《{title}》相似"),
        Phrase::SimilarAbove(title) => format!("与上面的《{title}》相似"),
        Phrase::ShareAbove(subject) => format!("{subject}在上面已占足份额"),
        Phrase::NewToYou => "对你来说是新的".to_owned(),
        Phrase::ToLearn => "想知道你是否喜欢".to_owned(),
        Phrase::Nothing => "尚无了解，所以各样都来一点".to_owned(),
        Phrase::Raised(plugin) => format!("由{plugin}提升"),
        Phrase::Lowered(plugin) => format!("由{plugin}降低"),
        Phrase::Placed(plugin) => format!("由{plugin}安排位置"),
        Phrase::AnItem => "一个项目".to_owned(),
        Phrase::ByMedia(media) => format!("依据{}", listed(media, medium, "、")),
    }
}

fn medium(modality: Modality) -> &'static str {
    match modality {
        Modality::Text => "文字",
        Modality::Image => "画面",
        Modality::Audio => "声音",
        Modality::Video => "影像",
    }
}

fn past(done: Option<EventType>) -> &'static str {
    match done {
        Some(EventType::Impression) => "看到过",
        Some(EventType::View) => "查看过",
        Some(EventType::Play) => "播放过",
        Some(EventType::Complete) => "看完或听完",
        Some(EventType::Skip) => "跳过",
        Some(EventType::Like) => "喜欢",
        Some(EventType::Dislike) => "不喜欢",
        Some(EventType::Rate) => "评过分",
        Some(EventType::Save) => "收藏",
        Some(EventType::Hide) => "隐藏",
        Some(EventType::Purchase) => "购买",
        Some(EventType::Comment | EventType::Undo) | None => "评论过",
    }
}
