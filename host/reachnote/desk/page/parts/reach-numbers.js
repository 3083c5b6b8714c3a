/** The figures behind a reach, for who asked for them. */

const one = (value) => (Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 10) / 10);

/**
 * @param {object} view what the session told of the dialogue
 * @param {(key: string, values?: object) => string} t
 */
export function numbersOf(view, t) {
  const { numbers, count, grade, factor, meant, not_meant: notMeant } = view;
  if (!numbers || numbers.now === undefined) return t("reach.numbers.none");
  const { now, rest, full, unit = "" } = numbers;
  const parts = [
    t("reach.numbers.places", { now: one(now), rest: one(rest), full: one(full), unit }),
    count ? t("reach.numbers.count", { n: count }) : "",
    meant || notMeant ? t("reach.numbers.meant", { meant, not_meant: notMeant }) : "",
    factor && factor !== 1 ? t("reach.numbers.factor", { percent: Math.round(factor * 100) }) : "",
    grade ? t("reach.numbers.grade", { grade }) : "",
  ];
  return parts.filter(Boolean).join(" · ");
}
