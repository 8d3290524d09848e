// Services where many customers share one name and a signature says whose account a request acts for.
import { isBelowAny } from './hosts.ts';

/** Object stores. */
const STORES: ReadonlySet<string> = new Set([
  ...['storage.googleapis.com', 'storage.cloud.google.com', 'r2.cloudflarestorage.com', 'r2.dev', 'backblazeb2.com'],
  ...['blob.core.windows.net', 'dfs.core.windows.net', 'file.core.windows.net', 'queue.core.windows.net'],
  ...['table.core.windows.net', 'digitaloceanspaces.com', 'wasabisys.com', 'linodeobjects.com', 'storjshare.io'],
  ...['cloud-object-storage.appdomain.cloud', 'vultrobjects.com', 'firebasestorage.googleapis.com'],
]);

/** Clouds of which object storage is one service among many. */
const CLOUDS: ReadonlySet<string> = new Set([
  ...['amazonaws.com', 'amazonaws.com.cn', 'api.aws', 'aliyuncs.com', 'myqcloud.com', 'oraclecloud.com', 'scw.cloud'],
  ...['yandexcloud.net', 'servicebus.windows.net'],
]);

/** How a cloud names its object storage: `bucket.s3.eu-west-1.…`, `oss-cn-hangzhou.…`, `objectstorage.….` */
const STORAGE_LABEL = /(?:^|\.)(?:s3|oss|cos|objectstorage|storage)[.-]/;

/** Whether requests to a canonical host are signed by whose account they act for. */
export function isSigningHost(host: string): boolean {
  return isBelowAny(STORES, host) || isBelowAny(CLOUDS, host);
}

/** Whether a canonical host keeps objects of many customers. */
export function isBucketHost(host: string): boolean {
  return isBelowAny(STORES, host) || (isBelowAny(CLOUDS, host) && STORAGE_LABEL.test(host));
}
