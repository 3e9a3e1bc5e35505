// Resources on standard input, one a line: "ok", or what is wrong, a line each,
// by the structure definitions of R4 (fhir) and by its JSON schema.
const { Fhir } = require('fhir');
const Schema = require('@asymmetrik/fhir-json-schema-validator');
const definitions = new Fhir(), schema = new Schema();
let text = '';
process.stdin.on('data', (d) => { text += d; }).on('end', () => {
  for (const line of text.split('\n').filter((x) => x)) {
    const one = definitions.validate(line, { errorOnUnexpected: true });
    // the schema's [ \r\n\t\S]+ is XML Schema's \S, which has U+3000; JavaScript's has not
    const two = schema.validate(JSON.parse(line.replace(/\u3000|\\u3000/g, 'x')));
    // warnings: codes of Japan where R4 recommends others (extensible, example bindings)
    const wrong = one.messages.filter((m) => m.severity === 'error').concat(two || []);
    console.log(one.valid && !wrong.length ? 'ok' : JSON.stringify(wrong));
  }
});
