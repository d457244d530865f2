// An alarm client that is not ours: subscribes to conditions, refreshes, and acts on one of them.
// node alarms.js ENDPOINT PKI_FOLDER JSON  ->  one line of JSON on standard output
const {
  OPCUAClient, AttributeIds, DataType, TimestampsToReturn, ClientSubscription, ClientMonitoredItem,
  constructEventFilter, resolveNodeId, Variant,
} = require("node-opcua");
const {
  acknowledgeCondition, confirmCondition, callConditionRefresh,
} = require("node-opcua-alarm-condition");
const { options, identity } = require("./client_setup.js");

const [endpoint, pki, text] = process.argv.slice(2);
const asked = JSON.parse(text);
const FIELDS = [
  "EventId", "EventType", "SourceName", "Time", "Message", "Severity", "ConditionName", "Retain",
  "ActiveState", "ActiveState.Id", "AckedState.Id", "ConfirmedState.Id", "Comment", "ClientUserId",
  "ShelvingState.CurrentState", "ConditionId",
];
const METHODS = { TimedShelve: "i=9213", TimedShelve2: "i=24738", Unshelve: "i=9211" };

function plain(variant) {
  const value = variant.value;
  if (Buffer.isBuffer(value)) return value.toString("utf-8");
  return value && value.text !== undefined ? value.text : value;
}

async function main() {
  const client = OPCUAClient.create(await options(asked.security, pki));
  await client.connect(endpoint);
  const session = await client.createSession(identity(asked.security));
  const subscription = ClientSubscription.create(session, {
    requestedPublishingInterval: 100,
    requestedLifetimeCount: 200,
    requestedMaxKeepAliveCount: 10,
    publishingEnabled: true,
  });
  await new Promise((resolve) => subscription.once("started", resolve));
  const item = ClientMonitoredItem.create(
    subscription,
    { nodeId: resolveNodeId("Server"), attributeId: AttributeIds.EventNotifier },
    { samplingInterval: 0, queueSize: 1000, filter: constructEventFilter(FIELDS) },
    TimestampsToReturn.Both,
  );
  const seen = [];
  const waiting = [];
  const is = (event, wanted) => Object.entries(wanted).every(([name, value]) => event[name] === value);
  item.on("changed", (fields) => {
    const event = Object.fromEntries(FIELDS.map((name, at) => [name, plain(fields[at])]));
    event.rawEventId = fields[0].value;
    event.ConditionId = event.ConditionId ? event.ConditionId.toString() : null;
    event.EventType = event.EventType ? event.EventType.toString() : null;
    seen.push(event);
    for (const { wanted, resolve } of waiting) if (is(event, wanted)) resolve(event);
  });
  const until = (wanted) => new Promise((resolve) => {
    const known = seen.find((event) => is(event, wanted));
    if (known) resolve(known); else waiting.push({ wanted, resolve });
  });
  await new Promise((resolve) => item.once("initialized", resolve));
  await callConditionRefresh(session, subscription.subscriptionId);

  const name = { ConditionName: asked.condition };
  const first = await until({ ...name, "AckedState.Id": false });
  const answer = { first, statuses: {} };
  const act = async (label, promise) => { answer.statuses[label] = (await promise).name; };
  const call = async (method, ...inputArguments) => (await session.call({
    objectId: first.ConditionId, methodId: METHODS[method], inputArguments,
  })).statusCode;
  const acknowledge = () => acknowledgeCondition(
    session, first.ConditionId, first.rawEventId, "seen",
  );
  await act("wrong", acknowledgeCondition(session, first.ConditionId, Buffer.from("x~1"), "seen"));
  await act("acknowledge", acknowledge());
  if (answer.statuses.acknowledge === "Good") {
    answer.acknowledged = await until({ ...name, "AckedState.Id": true });
    await act("again", acknowledge());
    await act("confirm", confirmCondition(session, first.ConditionId, first.rawEventId, "done"));
    answer.confirmed = await until({ ...name, "ConfirmedState.Id": true });
    await act("shelve", call(
      "TimedShelve2",
      new Variant({ dataType: DataType.Double, value: 60000.0 }),
      new Variant({ dataType: DataType.LocalizedText, value: { text: "tapping" } }),
    ));
    answer.shelved = await until({ ...name, "ShelvingState.CurrentState": "TimedShelved" });
    await act("too long", call(
      "TimedShelve", new Variant({ dataType: DataType.Double, value: 1e12 }),
    ));
    await act("unshelve", call("Unshelve"));
  }
  answer.seen = seen.map((event) => event.ConditionName);
  await subscription.terminate();
  await session.close();
  await client.disconnect();
  process.stdout.write(JSON.stringify(answer) + "\n");
}

main().then(() => process.exit(0), (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
