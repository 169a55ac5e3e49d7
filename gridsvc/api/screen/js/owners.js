/** Whose a place is: always asked of the service. The map's tiles are simplified and name a wrong owner near a border. */

import { get } from "./service.js";

/** The answer of GET /owners for a place; a refusal (outside every district) is thrown. */
export const ownersOf = (lon, lat, wait = {}) =>
  get(`/owners?${new URLSearchParams({ lon: lon.toFixed(7), lat: lat.toFixed(7) })}`, { timeoutMs: 10_000, ...wait });

/** Who holds the posts of the owners, [{post, name}] by code. */
export function officersOf(answer) {
  const codes = Object.values(answer.owners).filter(Boolean).map((owner) => owner.code);
  const query = new URLSearchParams({ district: answer.district, generation: answer.generation });
  for (const code of codes) query.append("code", code);
  return codes.length ? get(`/screen/officers?${query}`) : {};
}
