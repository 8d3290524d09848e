// The results as a table, and ironcage's as ratios to its peers.
const COLUMNS = [
  ['req/s, 32 conn', ({ rate32 }) => rate32, 0],
  ['req/s, 1 conn', ({ rate1 }) => rate1, 0],
  ['p50 µs, 1 conn', ({ p50Us }) => p50Us, 0],
  ['new conn/s', ({ fresh }) => fresh, 0],
  ['down MB/s', ({ down }) => down, 0],
  ['up MB/s', ({ up }) => up, 0],
  ['event ms', ({ eventMs }) => eventMs, 2],
  ['h2 req/s', ({ overHttp2 }) => overHttp2, 0],
  ['RSS idle', ({ memory }) => memory?.idle, 0],
  ['RSS load', ({ memory }) => memory?.loaded, 0],
  ['RSS 1 GB', ({ memory }) => memory?.bulk, 0],
];

export function printTable(results) {
  const rows = [
    ['', ...COLUMNS.map(([title]) => title)],
    ...results.map((result) => [result.name, ...COLUMNS.map(([, read, digits]) => show(read(result), digits))]),
  ];
  const ours = results.find(({ name }) => name === 'ironcage');
  if (ours !== undefined) {
    for (const peer of results) {
      if (peer === ours) continue;
      const ratios = COLUMNS.map(([, read]) => read(ours) / read(peer)).map((ratio) => show(ratio, 2));
      rows.push([`÷ ${peer.name}`, ...ratios]);
    }
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) console.log(row.map((cell, column) => cell.padStart(widths[column])).join('  '));
}

function show(value, digits) {
  return value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);
}
