// Commands of earshot on a board, as provisioning types them.
import { PLACES } from './provision-plan.ts';

/** As the service will run: its user, its folder, no way to more. */
export const AS_SERVICE = `cd ${PLACES.state} && setpriv --reuid=earshot --regid=earshot --init-groups env HOME=${PLACES.state}`;

/** earshot of the release that runs, with its own Node.js where it has one. */
export const EARSHOT = `$([ -x ${PLACES.slots}/current/node/bin/node ] && echo ${PLACES.slots}/current/node/bin/node || echo node) ${PLACES.slots}/current/bin/earshot.js`;
