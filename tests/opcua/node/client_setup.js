// How a client that is not ours connects, plain or encrypted.
const {
  OPCUACertificateManager, MessageSecurityMode, SecurityPolicy, UserTokenType,
} = require("node-opcua");

// An authority, and its list of what it has revoked, as DER in base64: the other stack asks for both.
async function believe(manager, security) {
  await manager.initialize();
  await manager.addIssuer(Buffer.from(security.authority, "base64"), false, true);
  await manager.addRevocationList(Buffer.from(security.revoked, "base64"));
}

// security: { policy, certificate, key, uri, user, password, authority, revoked }; left out, a plain
// connection.
async function options(security, pki) {
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

function identity(security) {
  return security ? {
    type: UserTokenType.UserName,
    userName: security.user,
    password: security.password,
  } : undefined;
}

module.exports = { options, identity };
