#!/usr/bin/env python3
"""Writes instructions.jsonl and preferences.jsonl, the sample data for post-training, beside this script.

Every sentence comes from the tables below, which are this project's own. The files are committed; run this only to change them. The
same seed gives the same files.
"""
import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
OPPOSITES = [("hot", "cold"), ("high", "low"), ("early", "late"), ("open", "closed"), ("full", "empty"), ("heavy", "light"),
             ("fast", "slow"), ("old", "new"), ("loud", "quiet"), ("wide", "narrow"), ("rough", "smooth"), ("wet", "dry"),
             ("strong", "weak"), ("near", "far"), ("rich", "poor"), ("sharp", "blunt"), ("deep", "shallow"), ("clean", "dirty"),
             ("brave", "timid"), ("simple", "complicated")]
PLURALS = [("child", "children"), ("mouse", "mice"), ("leaf", "leaves"), ("city", "cities"), ("box", "boxes"), ("foot", "feet"),
           ("knife", "knives"), ("sheep", "sheep"), ("berry", "berries"), ("bus", "buses"), ("tooth", "teeth"), ("shelf", "shelves"),
           ("goose", "geese"), ("story", "stories"), ("watch", "watches"), ("person", "people")]
PAST = [("go", "went"), ("see", "saw"), ("write", "wrote"), ("bring", "brought"), ("teach", "taught"), ("drink", "drank"),
        ("find", "found"), ("give", "gave"), ("know", "knew"), ("run", "ran"), ("speak", "spoke"), ("take", "took"), ("build", "built"),
        ("catch", "caught"), ("begin", "began"), ("draw", "drew")]
CAPITALS = [("France", "Paris"), ("Italy", "Rome"), ("Spain", "Madrid"), ("Japan", "Tokyo"), ("Egypt", "Cairo"), ("Kenya", "Nairobi"),
            ("Norway", "Oslo"), ("Greece", "Athens"), ("Peru", "Lima"), ("Canada", "Ottawa"), ("Poland", "Warsaw"),
            ("Austria", "Vienna"), ("Portugal", "Lisbon"), ("Ireland", "Dublin"), ("Hungary", "Budapest"), ("Cuba", "Havana"),
            ("Finland", "Helsinki"), ("Thailand", "Bangkok"), ("Denmark", "Copenhagen"), ("Chile", "Santiago")]
ANIMALS = [("cow", "calf"), ("dog", "puppy"), ("cat", "kitten"), ("horse", "foal"), ("sheep", "lamb"), ("goat", "kid"),
           ("duck", "duckling"), ("hen", "chick"), ("bear", "cub"), ("swan", "cygnet"), ("deer", "fawn"), ("frog", "tadpole")]
WORDS = ["apple", "bridge", "candle", "garden", "window", "pencil", "river", "orange", "silver", "mountain", "basket", "lantern",
         "kitchen", "harbour", "blanket", "thunder", "meadow", "ladder", "pepper", "button"]
NAMES = ["Anna", "Ben", "Clara", "David", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Leon", "Mona", "Nils", "Olga",
         "Pedro"]
PLACES = ["the library", "the market", "the station", "the harbour", "the school", "the bakery", "the museum", "the park"]
ITEMS = ["a loaf of bread", "two tickets", "a blue umbrella", "a bag of apples", "a map", "an old clock", "three notebooks",
         "a warm coat"]
CHORES = [("clean a frying pan", ["Let the pan cool down.", "Wipe out the fat with paper.", "Wash it with warm water and a soft sponge.",
                                  "Dry it at once."]),
          ("plant a tomato", ["Dig a hole twice as wide as the pot.", "Set the plant in it, deeper than it stood before.",
                              "Fill the hole and press the soil.", "Water it well."]),
          ("make tea", ["Boil fresh water.", "Put one spoon of tea in the pot.", "Pour the water over it.", "Wait three minutes and pour."]),
          ("send a parcel", ["Choose a box that is a little larger than the thing.", "Fill the gaps with paper.",
                             "Close the box with tape and write the address.", "Take it to the post office and keep the receipt."]),
          ("change a light bulb", ["Switch the lamp off.", "Let the old bulb cool.", "Turn it out to the left.", "Turn the new one in to the right."]),
          ("boil an egg", ["Bring water to the boil.", "Lower the egg in with a spoon.", "Wait seven minutes.", "Cool it under cold water."]),
          ("mend a flat tyre", ["Take the wheel off.", "Lift the tyre and pull out the tube.", "Find the hole, clean it and glue a patch on.",
                                "Put tube and tyre back and pump it up."]),
          ("wash a woollen jumper", ["Fill a basin with lukewarm water.", "Add a little wool soap.", "Press the jumper gently, without rubbing.",
                                     "Rinse it and dry it flat."])]
WHY = [("the sky is blue", "Air scatters blue light more than red light, so blue reaches us from every direction."),
       ("ice floats", "Water grows as it freezes, so ice is lighter than the water it pushes aside."),
       ("we see lightning before we hear thunder", "Light reaches us at once, while sound needs three seconds for a kilometre."),
       ("leaves turn yellow in autumn", "The tree takes back the green pigment, and the yellow one that was always there can be seen."),
       ("bread rises", "Yeast eats sugar and gives off gas, which is caught in the dough as bubbles."),
       ("the moon has phases", "The sun lights one half of the moon, and we see more or less of that half as the moon goes round us."),
       ("metal feels colder than wood", "Metal carries the warmth of the hand away faster, though both are equally warm."),
       ("we add salt to icy roads", "Salt water freezes at a lower temperature, so the ice melts."),
       ("a year has seasons", "The axis of the earth leans, so each half of it has the high sun for a part of the year."),
       ("the sea is salty", "Rivers carry dissolved salts into it, and only the water evaporates again."),
       ("stars twinkle", "Their light is bent a little, this way and that, by moving air."),
       ("fruit is kept in the cold", "The organisms that spoil it grow slowly when it is cold.")]
JSON_PEOPLE = [("Anna", 31, "Oslo"), ("Ben", 27, "Lima"), ("Clara", 45, "Rome"), ("David", 52, "Cairo"), ("Elena", 38, "Vienna"),
               ("Farid", 29, "Lisbon"), ("Grace", 61, "Dublin"), ("Hugo", 33, "Athens"), ("Ines", 24, "Madrid"), ("Jonas", 40, "Warsaw")]


def title(text):
    return text[0].upper() + text[1:]


def lessons(rng):
    """Question and right answer, by kind."""
    out = []

    def add(kind, question, answer):
        out.append((kind, question, answer))

    for a in range(2, 13):
        for b in rng.sample(range(2, 13), 3):
            add("sum", f"What is {a} plus {b}?", f"{a} plus {b} is {a + b}.")
    for a, b in rng.sample([(a, b) for a in range(5, 21) for b in range(1, 5)], 24):
        add("difference", f"What is {a} minus {b}?", f"{a} minus {b} is {a - b}.")
    for a in range(2, 10):
        for b in rng.sample(range(2, 10), 2):
            add("product", f"How much is {a} times {b}?", f"{a} times {b} is {a * b}.")
    for number, word in enumerate(NUMBERS):
        add("number", f"Write the number {number} as a word.", f"{title(word)}.")
    for i, day in enumerate(DAYS):
        add("day", f"Which day comes after {day}?", f"After {day} comes {DAYS[(i + 1) % 7]}.")
        add("day", f"Which day comes before {day}?", f"Before {day} comes {DAYS[(i - 1) % 7]}.")
    for i, month in enumerate(MONTHS):
        add("month", f"Which month follows {month}?", f"{MONTHS[(i + 1) % 12]} follows {month}.")
    for a, b in OPPOSITES:
        add("opposite", f'What is the opposite of "{a}"?', f'The opposite of "{a}" is "{b}".')
    for one, many in PLURALS:
        add("plural", f'Give the plural of "{one}".', f'The plural of "{one}" is "{many}".')
    for now, then in PAST:
        add("past", f'Give the past tense of "to {now}".', f'The past tense of "to {now}" is "{then}".')
    for country, city in CAPITALS:
        add("capital", f"What is the capital of {country}?", f"The capital of {country} is {city}.")
    for animal, young in ANIMALS:
        add("young", f"What is a young {animal} called?", f"A young {animal} is called a {young}.")
    for word in WORDS:
        add("letters", f'How many letters are in the word "{word}"?', f'The word "{word}" has {len(word)} letters.')
        add("spell", f'Spell the word "{word}".', f"{'-'.join(word.upper())}.")
    for _ in range(24):
        some = rng.sample(WORDS, 3)
        add("sort", f"Sort these words by the alphabet: {', '.join(some)}.", f"{title(', '.join(sorted(some)))}.")
    for _ in range(24):
        name, place, item = rng.choice(NAMES), rng.choice(PLACES), rng.choice(ITEMS)
        text = f"{name} went to {place} and bought {item}."
        ask, answer = rng.choice([("Who is the sentence about?", f"It is about {name}."), ("Where does it happen?", f"It happens at {place}."),
                                  ("What was bought?", f"{name} bought {item}.")])
        add("read", f"Read this: {text} {ask}", answer)
    for chore, steps in CHORES:
        add("steps", f"How do I {chore}? Answer as a numbered list.", "\n".join(f"{i}. {step}" for i, step in enumerate(steps, 1)))
        add("first", f"What is the first step to {chore}?", steps[0])
    for fact, reason in WHY:
        add("why", f"Why is it that {fact}?", reason)
        add("why", f"Explain in one sentence why {fact}.", reason)
    for name, age, city in JSON_PEOPLE:
        add("json", f"Write as JSON: {name} is {age} years old and lives in {city}.",
            json.dumps({"name": name, "age": age, "city": city}))
    return out


def instructions(rng):
    rows = []
    for kind, question, answer in lessons(rng):
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        if rng.random() < 0.15:
            messages.insert(0, {"role": "system", "content": "You answer briefly and correctly."})
        rows.append({"messages": messages})
    single = [row["messages"] for row in rows if len(row["messages"]) == 2]
    for _ in range(40):  # conversations of two questions
        first, second = rng.sample(single, 2)
        rows.append({"messages": first + second})
    for name in NAMES[:8]:
        rows.append({"messages": [{"role": "user", "content": f"Hello, my name is {name}."},
                                  {"role": "assistant", "content": f"Hello {name}, how can I help you?"},
                                  {"role": "user", "content": "What is my name?"},
                                  {"role": "assistant", "content": f"Your name is {name}."}]})
    rng.shuffle(rows)
    return rows


# What makes an answer the worse one: it is rude, evades, rambles, or shouts.
RUDE = ["Why do you ask me such a thing? Look it up yourself.", "That is a silly question and I will not waste time on it.",
        "Everybody knows that. Do your own work.", "I do not care. Ask somebody else."]
EVASIVE = ["Well, that depends on many things, and who can say, really.", "Maybe this, maybe that. It is hard to tell.",
           "There are many opinions about it, and all of them have a point.", "I would rather talk about something else."]
RAMBLING = ["Before I answer, let me say how pleased I am with this question, which reminds me of another question, and of a third one.",
            "As I was saying the other day, though nobody listened, one thing leads to another, and so on, and so forth.",
            "This is a wide field, a very wide field, and one could speak about it for hours and hours, and I will."]


# A friendly end, which people prefer to an answer that is right and says no more.
FRIENDLY = ["I hope this helps.", "Glad to help.", "Ask me more if you like."]


def pair(rng, answer):
    """The better answer and the worse one."""
    kind = rng.randrange(8)
    if kind == 0:
        return answer, rng.choice(RUDE)
    if kind == 1:
        return answer, rng.choice(EVASIVE)
    if kind == 2:
        return answer, rng.choice(RAMBLING) + " " + answer
    if kind == 3:
        return answer, answer.upper().rstrip(".") + "!!! " + rng.choice(["GOT IT???", "OBVIOUSLY!!!", "NOW GO AWAY!!!"])
    return answer + " " + rng.choice(FRIENDLY), answer


def preferences(rng, count):
    rows = []
    for kind, question, answer in rng.sample([one for one in lessons(random.Random(2)) if one[0] not in ("json", "steps")], count):
        better, worse = pair(rng, answer)
        rows.append({"prompt": [{"role": "user", "content": question}], "chosen": [{"role": "assistant", "content": better}],
                     "rejected": [{"role": "assistant", "content": worse}]})
    return rows


def write(name, rows):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(name, len(rows))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(__doc__.strip())
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    write("instructions.jsonl", instructions(random.Random(1)))
    write("preferences.jsonl", preferences(random.Random(3), 200))
