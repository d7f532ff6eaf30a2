// What was put and what a reader got, and whether the one follows from the other.

export const KEYS = Array.from({ length: 500 }, (_, number) => `key-${number}`);
export const ROUNDS = 20;

/** A sentence for whoever runs the script: what is missing, out of order, or there twice. */
export class Lost extends Error {}

/** One reader's records: each key must bring the rounds 0, 1, 2, ... in this order. */
export class Ledger {
  #seen = new Map(KEYS.map((key) => [key, 0]));
  #doubled = new Set();
  missing = KEYS.length * ROUNDS;

  constructor(name) {
    this.name = name;
  }

  add(records) {
    for (const record of records)
      this.#add(record.PartitionKey, Buffer.from(record.Data).toString());
  }

  #add(key, data) {
    const seen = this.#seen.get(key);
    const round = Number(data.split(":")[1]);
    if (data !== `${key}:${round}`)
      throw new Lost(`${this.name}: ${data} came under the key ${key}`);
    if (round > seen)
      throw new Lost(`${this.name}: ${key} has no round ${seen}, ${round} came instead`);
    if (round < seen - 1) throw new Lost(`${this.name}: ${key} went back to round ${round}`);
    if (round === seen - 1) {
      this.#doubled.add(round);
      return;
    }
    this.#seen.set(key, seen + 1);
    this.missing -= 1;
  }

  /** `retried` are the rounds in which the client sent a request more than once. */
  check(retried) {
    if (this.missing) throw new Lost(`${this.name}: ${this.missing} records never came`);
    const unexplained = [...this.#doubled].filter((round) => !retried.has(round));
    if (unexplained.length)
      throw new Lost(`${this.name}: records of the rounds ${unexplained} came twice unasked`);
    console.log(
      `${this.name}: ${KEYS.length * ROUNDS} records, each key in order, ` +
        `${this.#doubled.size} rounds doubled by retries`,
    );
  }
}
