// Services where many customers share one name and a signature says whose account a request acts for.

/** Object stores. */
const STORES: readonly string[] = [
  ...['storage.googleapis.com', 'storage.cloud.google.com', 'r2.cloudflarestorage.com', 'r2.dev', 'backblazeb2.com'],
  ...['blob.core.windows.net', 'dfs.core.windows.net', 'file.core.windows.net', 'queue.core.windows.net'],
  ...['table.core.windows.net', 'digitaloceanspaces.com', 'wasabisys.com', 'linodeobjects.com', 'storjshare.io'],
  ...['cloud-object-storage.appdomain.cloud', 'vultrobjects.com', 'firebasestorage.googleapis.com'],
];

/** Clouds of which object storage is one service among many. */
const CLOUDS: readonly string[] = [
  ...['amazonaws.com', 'amazonaws.com.cn', 'api.aws', 'aliyuncs.com', 'myqcloud.com', 'oraclecloud.com', 'scw.cloud'],
  ...['yandexcloud.net', 'servicebus.windows.net'],
];

/** How a cloud names its object storage: `bucket.s3.eu-west-1.…`, `oss-cn-hangzhou.…`, `objectstorage.….` */
const STORAGE_LABEL = /(?:^|\.)(?:s3|oss|cos|objectstorage|storage)[.-]/;

/** Whether requests to a canonical host are signed by whose account they act for. */
export function isSigningHost(host: string): boolean {
  return isBelow(STORES, host) || isBelow(CLOUDS, host);
}

/** Whether a canonical host keeps objects of many customers. */
export function isBucketHost(host: string): boolean {
  return isBelow(STORES, host) || (isBelow(CLOUDS, host) && STORAGE_LABEL.test(host));
}

function isBelow(suffixes: readonly string[], host: string): boolean {
  return suffixes.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
}
