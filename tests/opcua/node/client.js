// An OPC UA client that is not ours: reads, writes and subscribes as it is told.
// node client.js ENDPOINT PKI_FOLDER JSON  ->  one line of JSON on standard output
const {
  OPCUAClient, AttributeIds, DataType, TimestampsToReturn, ClientSubscription, ClientMonitoredItem,
  VariantArrayType,
} = require("node-opcua");
const { options, identity } = require("./client_setup.js");

const [endpoint, pki, text] = process.argv.slice(2);
const asked = JSON.parse(text);

function plain(dataValue) {
  const raw = dataValue.value ? dataValue.value.value : null;
  return {
    value: ArrayBuffer.isView(raw) ? Array.from(raw) : raw,
    type: dataValue.value ? DataType[dataValue.value.dataType] : null,
    status: dataValue.statusCode.name,
    sourceTime: dataValue.sourceTimestamp ? dataValue.sourceTimestamp.getTime() : null,
  };
}

function argument({ type, value, array }) {
  const dataType = DataType[type];
  if (type === "DateTime") return { dataType, value: new Date(value) };
  if (!array) return { dataType, value };
  const values = value.map((one) => (one === "NaN" ? NaN : one));
  return { dataType, arrayType: VariantArrayType.Array, value: values };
}

// A list of status codes as their names, one of numbers as a plain list.
function output({ dataType, value }) {
  if (dataType === DataType.StatusCode && Array.isArray(value)) return value.map((one) => one.name);
  return ArrayBuffer.isView(value) ? Array.from(value) : value;
}

async function main() {
  const client = OPCUAClient.create(await options(asked.security, pki));
  await client.connect(endpoint);
  const session = await client.createSession(identity(asked.security));
  const index = (await session.readNamespaceArray()).indexOf(asked.namespace);
  const nodeId = (name) => `ns=${index};s=${name}`;
  const answer = { read: {}, written: {}, changes: 0, browsed: [] };

  for (const [name, { type, value }] of Object.entries(asked.write || {})) {
    const status = await session.write({
      nodeId: nodeId(name),
      attributeId: AttributeIds.Value,
      value: { value: { dataType: DataType[type], value: value === "NaN" ? NaN : value } },
    });
    answer.written[name] = status.name;
  }
  answer.called = [];
  for (const { object, method, inputs } of asked.call || []) {
    const result = await session.call({
      objectId: nodeId(object),
      methodId: nodeId(method),
      inputArguments: inputs.map(argument),
    });
    answer.called.push({
      status: result.statusCode.name,
      outputs: (result.outputArguments || []).map(output),
    });
  }
  if (asked.browse) {
    const found = await session.browse(nodeId(asked.browse));
    answer.browsed = found.references.map((reference) => reference.browseName.name);
  }
  if (asked.subscribe) {
    const subscription = ClientSubscription.create(session, {
      requestedPublishingInterval: 100,
      requestedLifetimeCount: 100,
      requestedMaxKeepAliveCount: 10,
      publishingEnabled: true,
    });
    const item = ClientMonitoredItem.create(
      subscription,
      { nodeId: nodeId(asked.subscribe), attributeId: AttributeIds.Value },
      { samplingInterval: 50, queueSize: 10, discardOldest: true },
      TimestampsToReturn.Both,
    );
    await new Promise((resolve) => item.on("changed", () => {
      answer.changes += 1;
      if (answer.changes >= asked.changes) resolve();
    }));
    await subscription.terminate();
  }
  for (const name of asked.read || []) {
    answer.read[name] = plain(
      await session.read({ nodeId: nodeId(name), attributeId: AttributeIds.Value }),
    );
  }
  await session.close();
  await client.disconnect();
  process.stdout.write(JSON.stringify(answer) + "\n");
}

main().then(() => process.exit(0), (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
