// At a party, raises upbeat music, the shorter the more, so that everybody's wishes have their turn.

import { setting } from 'attuned:ranking/host@0.1.0';

// Row of [[reason]] in plugin.toml.
const KEEPS_GOING = 0;

// What is as long as this rises by half, in minutes.
const HALF_MINUTES = 5;

function weight() {
  const number = Number(setting('weight'));
  if (!Number.isFinite(number)) throw { tag: 'invalid-setting', val: 'weight' };
  return number;
}

export const rule = {
  check() {
    weight();
  },

  rank(context, candidates) {
    const verdicts = [];
    if (context.facet('occasion') === 'party') {
      const minutes = candidates.feature('minutes');
      if (minutes === undefined) throw { tag: 'missing-input', val: 'minutes' };
      const most = weight();
      const upbeat = new Set(candidates.tagged('upbeat'));
      for (const position of candidates.ofKind('music')) {
        if (!upbeat.has(position)) continue;
        // NaN, which is absent, is no length: such a song rises by half.
        const long = minutes[position] >= 0 ? minutes[position] : HALF_MINUTES;
        const boost = (most * HALF_MINUTES) / (HALF_MINUTES + long);
        verdicts.push({ position, action: { tag: 'boost', val: boost }, reason: KEEPS_GOING });
      }
    }
    return { tag: 'adjust', val: verdicts };
  },
};
