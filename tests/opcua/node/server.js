// A plant that is not ours: other names, other units, scalars only, words for modes, and neither
// clock nor counter nor heartbeat. Two pots, 11 and 12, that answer to their feed and their bridge.
// node server.js PORT PKI_FOLDER [MOST [SECURITY [AHEAD_MS]]]  ->  "ready" on standard output; runs until standard
// input ends. With MOST it refuses requests that name more nodes, and says so in its OperationLimits.
// SECURITY, as JSON { certificate, key, uri, users: { name: password }, authority, revoked }: encrypted
// connections only. With AHEAD_MS, the clock of its process is so far ahead.
const [port, pki, most, text, ahead] = process.argv.slice(2);
// Before anything else is loaded, so that nobody keeps the true clock.
if (Number(ahead)) setClock(Number(ahead));

const {
  OPCUAServer, OPCUACertificateManager, DataType, MessageSecurityMode, SecurityPolicy,
} = require("node-opcua");

const security = text ? JSON.parse(text) : null;
function setClock(aheadMs) {
  const True = Date;
  globalThis.Date = class extends True {
    constructor(...given) {
      if (given.length) super(...given);
      else super(True.now() + aheadMs);
    }
    static now() { return True.now() + aheadMs; }
  };
}

// An authority, and its list of what it has revoked, as DER in base64: the other stack asks for both.
async function believe(manager, security) {
  await manager.initialize();
  await manager.addIssuer(Buffer.from(security.authority, "base64"), false, true);
  await manager.addRevocationList(Buffer.from(security.revoked, "base64"));
}

const FOLLOWS_AFTER_MS = 150;
const MOVES_EVERY_MS = 200;
const MILLIVOLTS_PER_MM = 2; // far below a real pot's, so that a test knows what it will see

async function main() {
  const limit = Number(most) || 0;
  const manager = new OPCUACertificateManager({ rootFolder: pki });
  if (security) await believe(manager, security);
  const server = new OPCUAServer({
    port: Number(port),
    hostname: "127.0.0.1",
    resourcePath: "/acme",
    ...(security ? {
      securityModes: [MessageSecurityMode.SignAndEncrypt],
      securityPolicies: [SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes256_Sha256_RsaPss],
      certificateFile: security.certificate,
      privateKeyFile: security.key,
      serverInfo: { applicationUri: security.uri },
      allowAnonymous: false,
      userManager: { isValidUser: (name, password) => security.users[name] === password },
    } : {
      securityModes: [MessageSecurityMode.None],
      securityPolicies: [SecurityPolicy.None],
    }),
    serverCertificateManager: manager,
    serverCapabilities: limit ? {
      operationLimits: {
        maxNodesPerRead: limit,
        maxNodesPerWrite: limit,
        maxNodesPerTranslateBrowsePathsToNodeIds: limit,
      },
    } : {},
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const own = space.registerNamespace("urn:acme:smelter");
  const smelter = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Smelter" });
  const moving = [];

  function add(parent, browseName, identifier, dataType, value, writable) {
    const variable = own.addVariable({
      componentOf: parent,
      browseName,
      nodeId: `s=${identifier}`,
      dataType: DataType[dataType],
      accessLevel: writable ? "CurrentRead | CurrentWrite" : "CurrentRead",
      userAccessLevel: writable ? "CurrentRead | CurrentWrite" : "CurrentRead",
    });
    variable.setValueFromSource({ dataType: DataType[dataType], value });
    return variable;
  }

  function follow(target, feedback) {
    target.on("value_changed", (dataValue) => setTimeout(
      () => feedback.setValueFromSource(dataValue.value), FOLLOWS_AFTER_MS,
    ));
  }

  const amps = add(smelter, "Amps", "LINE.I", "Double", 118500);
  moving.push((wave) => amps.setValueFromSource({ dataType: DataType.Double, value: 118500 + wave }));
  for (const number of [11, 12]) {
    const pot = own.addObject({ componentOf: smelter, browseName: `Pot${number}` });
    const millivolts = add(pot, "Tension", `POT${number}.MV`, "Int32", 4400 + number);
    const kelvin = add(pot, "Bath K", `POT${number}.TK`, "Float", 1233.15);
    const tonnes = add(pot, "OxideT", `POT${number}.OX`, "Double", 2.5);
    const noise = add(pot, "NoiseV", `POT${number}.NV`, "Double", 0.012);
    const bridge = add(pot, "BridgeCm", `POT${number}.BR`, "Double", 20.5);
    const feedTarget = add(pot, "FeedSet", `POT${number}.FS`, "Float", 20.0, true);
    const feed = add(pot, "FeedIs", `POT${number}.FI`, "Float", 20.0);
    const bridgeTarget = add(pot, "BridgeSet", `POT${number}.BS`, "Int32", 205, true);
    const bridgeIs = add(pot, "BridgeIs", `POT${number}.BI`, "Double", 20.5);
    const modeTarget = add(pot, "ModeSet", `POT${number}.MS`, "String", "POT", true);
    const mode = add(pot, "ModeIs", `POT${number}.MI`, "String", "POT");
    let centimetres = 20.5;
    let fed = 2.5;
    follow(feedTarget, feed);
    follow(modeTarget, mode);
    bridgeTarget.on("value_changed", ({ value }) => setTimeout(() => {
      centimetres = value.value / 10;
      bridgeIs.setValueFromSource({ dataType: DataType.Double, value: centimetres });
      bridge.setValueFromSource({ dataType: DataType.Double, value: centimetres });
    }, FOLLOWS_AFTER_MS));
    moving.push((wave) => {
      fed += feed.readValue().value.value * MOVES_EVERY_MS / 1e9; // grams per second, in tonnes
      const lift = MILLIVOLTS_PER_MM * (10 * centimetres - 205);
      const value = Math.round(4400 + number + lift + wave);
      millivolts.setValueFromSource({ dataType: DataType.Int32, value });
      kelvin.setValueFromSource({ dataType: DataType.Float, value: 1233.15 + wave / 10 });
      tonnes.setValueFromSource({ dataType: DataType.Double, value: fed });
      noise.setValueFromSource({ dataType: DataType.Double, value: 0.012 });
      bridge.setValueFromSource({ dataType: DataType.Double, value: centimetres });
    });
  }

  let step = 0;
  const timer = setInterval(() => {
    step += 1;
    const wave = 10 * Math.sin(step);
    moving.forEach((move) => move(wave));
  }, MOVES_EVERY_MS);
  await server.start();
  process.stdout.write("ready\n");
  process.stdin.resume();
  process.stdin.on("end", async () => {
    clearInterval(timer);
    await server.shutdown(100);
    process.exit(0);
  });
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
