// Says what failed, and how many tests did not.

export default async function* (events) {
  let passed = 0;
  for await (const { type, data } of events) {
    if (type === 'test:pass') passed += 1;
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if (type === 'test:fail') yield `failed: ${data.name}\n${data.details.error.cause?.stack ?? data.details.error}\n`;
  }
  yield `${passed} tests passed\n`;
}
