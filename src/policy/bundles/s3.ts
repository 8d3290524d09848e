// One bucket of Amazon S3: `s3:BUCKET` reads it, `s3:BUCKET:write` also puts and deletes objects; `@REGION` behind the bucket
// leaves the other regions' names out. A bucket's name is unique in its partition, so none of these hosts is another's.
import type { Rule } from '../types.ts';
import { allow, READ, type Bundle } from './bundle.ts';

/** The rules of naming, without dots: such a bucket cannot have a certificate of its own. */
const S3 = /^s3:([a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9])(?:@([a-z0-9-]{1,30}))?(:write)?$/;

/** Of the partition `aws`. */
const REGIONS: readonly string[] = [
  ...['af-south-1', 'ap-east-1', 'ap-east-2', 'ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3', 'ap-south-1'],
  ...['ap-south-2', 'ap-southeast-1', 'ap-southeast-2', 'ap-southeast-3', 'ap-southeast-4', 'ap-southeast-5'],
  ...['ap-southeast-6', 'ap-southeast-7', 'ca-central-1', 'ca-west-1', 'eu-central-1', 'eu-central-2', 'eu-north-1'],
  ...['eu-south-1', 'eu-south-2', 'eu-west-1', 'eu-west-2', 'eu-west-3', 'il-central-1', 'me-central-1', 'me-south-1'],
  ...['mx-central-1', 'sa-east-1', 'us-east-1', 'us-east-2', 'us-west-1', 'us-west-2'],
];

/** Of a listing: prefix, marker and the like. */
const QUERY_BYTES = 1024;

/** The bundle that a text names, or undefined. */
export function s3Bundle(text: string): Bundle | undefined {
  const [, bucket, region, write] = S3.exec(text) ?? [];
  // Suffixes by which Amazon names what is no plain bucket.
  if (bucket === undefined || /^xn--|^sthree-|^amzn-s3-|-s3alias$|--/.test(bucket)) return undefined;
  if (region !== undefined && !REGIONS.includes(region)) return undefined;
  const endpoints =
    region === undefined
      ? ['s3.amazonaws.com', ...REGIONS.map((name) => `s3.${name}.amazonaws.com`)]
      : [`s3.${region}.amazonaws.com`];
  const place = region === undefined ? '' : ` in ${region}`;
  return {
    description:
      write === undefined
        ? `read the bucket ${bucket} on S3${place}; no writing`
        : `read, put and delete objects of the bucket ${bucket} on S3${place}`,
    rules: endpoints.flatMap((endpoint) => endpointRules(bucket, endpoint, write !== undefined)),
  };
}

function endpointRules(bucket: string, endpoint: string, canWrite: boolean): Rule[] {
  const sites = [
    { host: `${bucket}.${endpoint}`, root: '' },
    { host: endpoint, root: `/${bucket}` },
  ];
  return sites.flatMap(({ host, root }) => {
    const id = `s3:${bucket}:${host}`;
    const read = allow(`${id}:read`, { host, methods: READ, path: `${root}/**`, maxQueryBytes: QUERY_BYTES });
    if (!canWrite) return [read];
    // At least one segment of a key: the bucket itself (its policy, its life) is not written to.
    const path = `${root}/*/**`;
    const methods = ['PUT', 'POST', 'DELETE'];
    return [read, allow(`${id}:write`, { host, methods, path, maxQueryBytes: QUERY_BYTES })];
  });
}
