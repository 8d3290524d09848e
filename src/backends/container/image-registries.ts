// Names under which registries hand out container images: what an open cage is kept from. A name stands for all below it.
// Sources: the documentation of each registry; names that also serve other things are only listed below their host for images.
export const IMAGE_REGISTRIES: readonly string[] = [
  ...['docker.io', 'hub.docker.com', 'registry.docker.com', 'production.cloudflare.docker.com'],
  ...['ghcr.io', 'quay.io', 'gcr.io', 'mcr.microsoft.com', 'azurecr.io', 'public.ecr.aws', 'registry.k8s.io'],
  ...['registry.gitlab.com', 'registry.access.redhat.com', 'registry.redhat.io', 'registry.fedoraproject.org'],
  ...[
    'registry.opensuse.org',
    'container-registry.oracle.com',
    'docker.elastic.co',
    'nvcr.io',
    'icr.io',
    'lscr.io',
    'cgr.dev',
  ],
];

/** Hosts of registries that have the name of an account or a region among their labels: known by a part of their name. */
export const IMAGE_REGISTRY_PARTS: readonly string[] = ['.dkr.ecr.', '-docker.pkg.dev'];
