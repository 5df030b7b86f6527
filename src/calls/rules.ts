/** What differs between PBXs: the names to read and the bounds to keep. Every list is a default that configuration can replace. */
export interface CallRules {
  readonly variables: {
    /** Channel variables that may name the tenant's domain, best first. */
    readonly domain: readonly string[];
    /** Variables of the form `user@domain`, asked after `domain`. */
    readonly presence: readonly string[];
    /** Variables that give the business direction. */
    readonly direction: readonly string[];
    /** Variables that only a leg on a gateway carries. */
    readonly gateway: readonly string[];
    /** Variables of a ring group, queue or IVR: one caller, many extensions. */
    readonly many: readonly string[];
    readonly dialedUser: string;
    readonly dialedExtension: string;
  };
  /** What version 2 of the payload and the extra events are made from. */
  readonly detail: DetailRules;
  /** The dialplan context in which callers from outside arrive. */
  readonly publicContext: string;
  /** Contexts that all tenants share, so that their name is no domain. */
  readonly sharedContexts: readonly string[];
  /** In order: the first whose variable has the value, on any leg, names the application; else `dial`. */
  readonly applications: readonly ApplicationRule[];
  /** `{domain}`, `{call_id}` and `{file}` are filled in; '' for no recordings. */
  readonly recordingUrl: string;
  /** Makes the link to a recording instead, where the daemon serves them itself; '' for a file that it does not serve. */
  readonly recordingLink?: (recording: { file: string; domain: string; atUs: number }) => string;
  /** IANA name of the zone in which stamps are shown. */
  readonly timeZone: string;
  readonly cdr: {
    /** The CUSTOM subclass that says that the CDR is stored; '' when HANGUP_COMPLETE says so. */
    readonly subclass: string;
    /** How long the `cdr` waits for announced legs after the root's HANGUP_COMPLETE, and a DESTROY for its HANGUP. */
    readonly lingerMs: number;
    /** How long the `cdr` waits for the CUSTOM event after the root's HANGUP_COMPLETE. */
    readonly waitMs: number;
    /** How long the `cdr` of an answered flow waits for the RECORD_STOP of the recording that it names, after the root's HANGUP_COMPLETE. */
    readonly recordingWaitMs: number;
  };
  /** How long a leg is remembered after its DESTROY. */
  readonly rememberMs: number;
  /** A flow that is older than this and never ended is dropped from memory. */
  readonly maxAgeMs: number;
}

/** Channel variables that are read only while somebody asks for more than the four webhooks of version 1. */
export interface DetailRules {
  /** Sent along as they are. */
  readonly variables: readonly string[];
  /** That one of these is there says so, and its value says which. */
  readonly ringGroup: readonly string[];
  readonly queue: readonly string[];
  readonly ivr: readonly string[];
  readonly voicemail: readonly string[];
  readonly fax: readonly string[];
  readonly conference: readonly string[];
}

export interface ApplicationRule { readonly variable: string; readonly value: string; readonly application: string }
