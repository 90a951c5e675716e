// The classes of TAU Spatial Sound Events 2019 in their official order (data set README; reference: class index = position).

export const OFFICE_LABELS = [
  'knock',
  'drawer',
  'clearthroat',
  'phone',
  'keysDrop',
  'speech',
  'keyboard',
  'pageturn',
  'cough',
  'doorslam',
  'laughter',
] as const;
