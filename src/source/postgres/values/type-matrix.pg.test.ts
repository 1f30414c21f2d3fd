import { MAJORS, sharedServer } from '../../../../test/support/postgres.ts';
import { testTypeMatrix } from './type-matrix.contract.ts';

for (const major of MAJORS) testTypeMatrix(major, () => sharedServer(major));
