// An address space that is not ours, made from a NodeSet2 file: what it finds there, as the tests ask.
// node nodeset.js FILE JSON  ->  one line of JSON on standard output
const { AddressSpace, nodesets } = require("node-opcua");
const { generateAddressSpace } = require("node-opcua-address-space/nodeJS");

const [file, text] = process.argv.slice(2);
const asked = JSON.parse(text);

async function main() {
  const space = AddressSpace.create();
  await generateAddressSpace(space, [nodesets.standard, file]);
  const index = space.getNamespaceIndex(asked.namespace);
  const node = (name) => space.findNode(`ns=${index};s=${name}`);
  const answer = { types: {}, below: {}, units: {}, made: [] };
  for (const name of asked.types) answer.types[name] = node(name).typeDefinitionObj.browseName.name;
  for (const name of asked.below) {
    answer.below[name] = node(name).getComponents().map((child) => child.browseName.name);
  }
  for (const name of asked.units) {
    const unit = node(name).readValue().value.value;
    answer.units[name] = [unit.unitId, unit.displayName.text];
  }
  const made = node(asked.make).instantiate({
    browseName: "Another", organizedBy: space.rootFolder.objects,
  });
  answer.made = made.getComponents().map((child) => child.browseName.name);
  space.dispose();
  process.stdout.write(JSON.stringify(answer) + "\n");
}

main().then(() => process.exit(0), (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
