//! Sixty short texts on four subjects, fifteen each.

use serde_json::{Value, json};

/// The subjects, in the order of [`TEXTS`].
pub const SUBJECTS: [&str; 4] = ["space", "baking", "football", "jazz"];

/// Title and text, fifteen for each subject.
const TEXTS: [[(&str, &str); 15]; 4] = [
    [
        ("First Light", "A new telescope opens its mirror and sees galaxies from the dawn of the universe."),
        (
            "The Long Fall to Jupiter",
            "A probe dives through the clouds of the giant planet and counts its storms.",
        ),
        ("Red Dust", "Six astronauts build the first settlement on Mars and wait for the supply rocket."),
        ("Rings", "How ice and rock became the rings of Saturn, told with pictures of a space probe."),
        (
            "Neutron",
            "Two dead stars collide and shake space itself; astronomers hear the gravitational wave.",
        ),
        (
            "Night on the Far Side",
            "A lunar rover drives through craters on the side of the Moon we never see.",
        ),
        ("Comet Hunters", "Amateur astronomers search the night sky for comets with home-made telescopes."),
        ("Launch Window", "The crew at the launch pad has nine minutes to send the rocket into orbit."),
        ("Dark Matter", "What holds the galaxies together? Physicists look for invisible matter in space."),
        ("Voyager", "The farthest spacecraft leaves the solar system and still sends its signals home."),
        ("Under an Eclipse", "Scientists chase the shadow of the Moon to photograph the corona of the Sun."),
        ("Orbit", "A day on the space station: sixteen sunrises, weightless sleep, and repairs outside."),
        ("Other Suns", "Thousands of planets circle other stars; one of them may have oceans."),
        ("The Black Hole Picture", "Telescopes on four continents join to photograph a black hole."),
        ("Falling Stars", "Meteor showers, where they come from and when to look at the night sky."),
    ],
    [
        (
            "Sourdough at Home",
            "Flour, water and patience: a starter, a long rise, and bread with a dark crust.",
        ),
        ("The Butter Chapter", "Why cold butter makes flaky pastry, with a recipe for croissants."),
        (
            "Grandmother's Apple Cake",
            "A moist cake with apples, cinnamon and a crust of sugar, baked in one tin.",
        ),
        ("Rye", "Dense dark bread from rye flour and caraway, as bakers make it in the north."),
        ("Meringue", "Egg whites, sugar and a slow oven: crisp outside, soft within."),
        ("Chocolate Tart", "A thin crust of shortbread dough filled with dark chocolate and cream."),
        ("Buns for Sunday", "Soft sweet buns with raisins, brushed with egg and baked until golden."),
        ("Pizza Dough", "How to knead, rest and stretch dough for a pizza from a very hot oven."),
        ("Biscuits for the Tin", "Oat and ginger biscuits that keep for weeks, if nobody finds them."),
        ("Pie Crust", "Rolling the dough, blind baking, and a filling of plums and almonds."),
        ("Brioche", "A rich dough of butter and eggs, plaited and baked to a shining brown loaf."),
        ("Flatbread", "Bread from a pan in ten minutes, with yoghurt, salt and herbs in the dough."),
        (
            "The Perfect Sponge",
            "Beating eggs and sugar until pale, folding in the flour: a light sponge cake.",
        ),
        ("Strudel", "Pulling dough until one can read through it, then filling it with apples and crumbs."),
        ("Muffins", "Blueberry muffins with a crumble top, mixed in one bowl and baked in twenty minutes."),
    ],
    [
        ("Extra Time", "A small club reaches the cup final and the match goes to a penalty shoot-out."),
        ("The Goalkeeper", "He stopped three penalties in one season; a portrait of a football goalkeeper."),
        ("Derby Day", "Two football clubs of one city, a full stadium, and a goal in the last minute."),
        ("Offside", "A referee explains the most disputed rule of football with scenes from famous matches."),
        ("Relegation", "A team loses eleven matches in a row and fights to stay in the football league."),
        ("The Left Winger", "From street football to the national team: the career of a fast left winger."),
        ("World Cup Nights", "The greatest goals and the saddest defeats of the football World Cup."),
        ("Youth Academy", "Boys and girls train every day in the academy of a big football club."),
        ("The Coach", "Tactics on a board, shouting at the touchline: a season with a football coach."),
        ("Hat-trick", "A striker scores three goals in one match and takes the ball home."),
        ("Women on the Pitch", "How women's football filled stadiums, from the first league to the final."),
        ("The Free Kick", "How a player bends the ball around the wall and under the crossbar."),
        ("Away Game", "Fans travel a night by train to see their team play and lose."),
        ("Midfield", "The players who pass, run and hold a football team together."),
        (
            "Transfer Deadline",
            "Clubs, agents and a striker for sale in the last hours of the transfer window.",
        ),
    ],
    [
        (
            "Blue Hour",
            "A quiet jazz trio of piano, double bass and brushes, recorded late at night in a club.",
        ),
        (
            "Take the Tenor",
            "A saxophone player improvises over old standards with a swinging rhythm section.",
        ),
        ("Big Band Ball", "Seventeen musicians, brass and reeds, play swing for a ballroom of dancers."),
        ("Trumpet in Harlem", "A young trumpet player comes to New York and plays bebop until dawn."),
        ("Basement Session", "Four friends meet in a cellar with a piano and a drum kit and play jazz."),
        ("The Vibraphone", "Mallets on metal bars: cool jazz with vibraphone, guitar and double bass."),
        ("Bossa Night", "Soft singing, a nylon-string guitar and a saxophone: jazz from Brazil."),
        ("Standards", "A singer with a warm low voice sings the old jazz songs of Broadway."),
        ("Free", "A quartet leaves melody and beat behind: free jazz with two saxophones."),
        ("New Orleans Parade", "Clarinet, trombone and tuba march through the streets with early jazz."),
        ("Left Hand, Right Hand", "A stride pianist plays ragtime and jazz alone at the grand piano."),
        ("Organ Trio", "Hammond organ, guitar and drums in a groove: soul jazz in a smoky bar."),
        ("Double Bass", "The musician at the back of the jazz band steps forward for a long solo."),
        ("Improvise", "How jazz musicians invent a melody on the spot, explained at the piano."),
        ("Gypsy Swing", "Two guitars and a violin play fast swing as it was heard in Paris."),
    ],
];

/// The subject of an item of this catalogue, by its id.
pub fn subject(id: &str) -> &'static str {
    let after_kind = id.split(':').nth(1).unwrap_or_default();
    let place = after_kind.split('-').next().unwrap_or_default();
    SUBJECTS.into_iter().find(|subject| *subject == place).unwrap_or_else(|| panic!("{id} has no subject"))
}

/// The id of the item `number` of a subject, in the catalogue of a kind.
pub fn id(kind: &str, subject: &str, number: usize) -> String {
    format!("{kind}:{subject}-{number:02}")
}

/// All items, of one kind, which also keeps their ids apart from those of other tests.
pub fn items(kind: &str) -> Vec<Value> {
    let mut items = Vec::new();
    for (subject, texts) in SUBJECTS.into_iter().zip(TEXTS) {
        for (number, (title, text)) in texts.into_iter().enumerate() {
            let mut tags = Vec::new();
            if number % 3 == 0 {
                tags.push("family");
            }
            if number % 5 == 0 {
                tags.push("horror");
            }
            items.push(json!({
                "id": id(kind, subject, number), "kind": kind, "title": title, "text": text, "tags": tags,
                "attributes": {"duration_min": 10 + 7 * number, "age_rating": (number % 4) * 6},
            }));
        }
    }
    items
}
