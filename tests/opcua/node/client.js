// An OPC UA client that is not ours: reads, writes and subscribes as it is told.
// node client.js ENDPOINT PKI_FOLDER JSON  ->  one line of JSON on standard output
const {
  OPCUAClient, OPCUACertificateManager, AttributeIds, DataType, StatusCodes, TimestampsToReturn,
  ClientSubscription, ClientMonitoredItem, MessageSecurityMode, SecurityPolicy, UserTokenType,
} = require("node-opcua");

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

// An authority, and its list of what it has revoked, as DER in base64: the other stack asks for both.
async function believe(manager, security) {
  await manager.initialize();
  await manager.addIssuer(Buffer.from(security.authority, "base64"), false, true);
  await manager.addRevocationList(Buffer.from(security.revoked, "base64"));
}

// asked.security: { policy, certificate, key, uri, user, password, authority, revoked }; left out, a
// plain connection.
async function options() {
  const security = asked.security;
  const manager = new OPCUACertificateManager({ rootFolder: pki });
  if (security) await believe(manager, security);
  const shared = {
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 1 },
    clientCertificateManager: manager,
  };
  if (!security) {
    return { ...shared, securityMode: MessageSecurityMode.None, securityPolicy: SecurityPolicy.None };
  }
  return {
    ...shared,
    securityMode: MessageSecurityMode.SignAndEncrypt,
    securityPolicy: SecurityPolicy[security.policy],
    certificateFile: security.certificate,
    privateKeyFile: security.key,
    applicationUri: security.uri,
  };
}

async function main() {
  const client = OPCUAClient.create(await options());
  await client.connect(endpoint);
  const session = await client.createSession(asked.security ? {
    type: UserTokenType.UserName,
    userName: asked.security.user,
    password: asked.security.password,
  } : undefined);
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
      inputArguments: inputs.map(({ type, value }) => ({ dataType: DataType[type], value })),
    });
    answer.called.push({
      status: result.statusCode.name,
      outputs: (result.outputArguments || []).map((output) => output.value),
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
