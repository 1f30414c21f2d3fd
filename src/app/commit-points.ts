import { CAPTURE_COMMIT_POINTS, type CaptureCommitPoint } from '../capture/capture.ts';
import { DELIVERY_COMMIT_POINTS, type DeliveryCommitPoint } from '../delivery/observer.ts';
import { LOG_COMMIT_POINTS, type LogCommitPoint } from '../log/sqlite/commit-points.ts';

/** Every moment between which a crash must lose nothing, from the source to the cursor. */
export type CommitPoint = CaptureCommitPoint | LogCommitPoint | DeliveryCommitPoint;

export const COMMIT_POINTS: readonly CommitPoint[] = [
  ...CAPTURE_COMMIT_POINTS,
  ...LOG_COMMIT_POINTS,
  ...DELIVERY_COMMIT_POINTS,
];
