// At an object store, who signed a request says whose account it acts for, whatever the host: a signed URL is a credential
// that its maker hands out. Nothing in ironcage signs requests yet, so that every signature there is a foreign one.
import type { Inspector } from '../inspector.ts';
import { queryKeys } from '../queries.ts';
import { isSigningHost } from '../stores.ts';
import type { Exchange } from '../types.ts';

const SIGNATURE_KEY =
  /^(?:x-(?:amz|goog|oss|cos|obs)-(?:signature|credential|security-token|algorithm|signedheaders)|signature|awsaccesskeyid|googleaccessid|ossaccesskeyid|sig|skoid|q-signature|q-ak)$/;
/** `AWS4-HMAC-SHA256 …`, `AWS AKIA…:…`, `GOOG4-RSA-SHA256 …`, `SharedKey …`. */
const SIGNATURE_SCHEME =
  /^\s*(?:AWS\d?(?:-[A-Z0-9-]+)?|GOOG\d(?:-[A-Z0-9-]+)?|SharedKey(?:Lite)?|SharedAccessSignature|OSS\d?(?:-[A-Z0-9-]+)?|q-sign-algorithm\S*)(?:\s|$)/i;
const SIGNATURE_HEADER = /^x-(?:amz|goog|oss|cos)-(?:security-token|signature|credential)$/;

export const signature: Inspector = {
  name: 'signature',
  inspect(exchange) {
    const part = isSigningHost(exchange.host) ? signedPart(exchange) : undefined;
    if (part === undefined) return undefined;
    const reason = `the request is signed by somebody else, in ${part}, and would act for an account that ironcage does not know`;
    return { action: 'deny', rule: '<foreign-signature>', reason, remedy: '' };
  },
};

function signedPart(exchange: Exchange): string | undefined {
  if (queryKeys(exchange.query).some((key) => SIGNATURE_KEY.test(key))) return 'its query';
  for (const [rawName, value] of exchange.headers) {
    const name = rawName.toLowerCase();
    if (SIGNATURE_HEADER.test(name)) return 'a header';
    if (name === 'authorization' && SIGNATURE_SCHEME.test(value)) return 'its Authorization header';
    // A browser's form upload carries policy and signature as fields of its body.
    if (name === 'content-type' && /^\s*multipart\/form-data/i.test(value)) return 'its form';
  }
  return undefined;
}
